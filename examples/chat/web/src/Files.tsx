import { Icon } from "./Icon";
import { fileSize } from "./format";
import type { File } from "./messages";

/** Pixels of a picture in a room. */
const [WIDEST, HIGHEST] = [360, 260];

/** The files of a message: pictures to look at, everything else to save. */
export function Files({ files }: { files: readonly File[] }) {
  return (
    <ul className="files">
      {files.map((file, index) => (
        <li key={index}>{file.isPicture ? <Picture file={file} /> : <Download file={file} />}</li>
      ))}
    </ul>
  );
}

function Picture({ file: { url, name, alt, width, height } }: { file: File }) {
  // Its place is kept while it is loaded.
  const place = width && height ? { width: Math.min(width, WIDEST, (HIGHEST * width) / height), aspectRatio: width / height } : {};
  return (
    <a className="picture" href={url} target="_blank" rel="noopener" title={alt || name}>
      <img src={url} alt={alt || name || "Picture"} loading="lazy" style={place} />
    </a>
  );
}

function Download({ file: { url, name, size } }: { file: File }) {
  const what = (
    <>
      <Icon name="file" />
      <span className="name">{name || "File"}</span>
      {size > 0 && <span className="size">{fileSize(size)}</span>}
    </>
  );
  // Without an address it is still on its way.
  if (!url) return <span className="download">{what}</span>;
  return (
    <a className="download" href={url} download={name || true} title={`Save ${name || "the file"}`}>
      {what}
      <Icon name="download" />
    </a>
  );
}
