import { useRef, useState, type DragEvent } from "react";

const hasFiles = (event: DragEvent) => event.dataTransfer.types.includes("Files");

/** Lets files be dropped on an element: what it needs for that, and whether some are held over it. */
export function useDropZone(onFiles: (files: Iterable<File>) => void) {
  /** Its children tell when they are entered and left, too. */
  const depth = useRef(0);
  const [isOver, setIsOver] = useState(false);
  const count = (by: number) => {
    depth.current = by ? depth.current + by : 0;
    setIsOver(depth.current > 0);
  };
  const zone = {
    onDragEnter: (event: DragEvent) => hasFiles(event) && count(1),
    onDragLeave: (event: DragEvent) => hasFiles(event) && count(-1),
    onDragOver: (event: DragEvent) => hasFiles(event) && event.preventDefault(),
    onDrop: (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      count(0);
      onFiles(event.dataTransfer.files);
    },
  };
  return [zone, isOver] as const;
}
