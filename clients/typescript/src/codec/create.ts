import { type Field, LIST, MAP, MESSAGE, planOf, put, type Type, typeOf } from "./message.js";
import type { Init, MessageType } from "./types.js";

/** A value of a message: what `init` says, and defaults for everything else. Lists, maps and messages are copied. */
export const create = <T>(type: MessageType<T>, init?: Init<T>): T => createAny(type as Type, init) as T;

const createAny = (type: Type, init: any): unknown => {
  const message: any = type.empty();
  if (init) {
    for (const field of planOf(type).fields) {
      const { name, property, label } = field;
      const given = init[property];
      // What a prototype brings was not said.
      if (given == null || !Object.hasOwn(init, property)) continue;
      if (label === LIST) message[name] = given.map((value: unknown) => copy(field, value));
      else if (label === MAP) for (const key of Object.keys(given)) put(message[name], key, copy(field, given[key]));
      else if (property === name) message[name] = copy(field, given);
      else if (given.case === name) message[property] = { case: name, value: copy(field, given.value) };
    }
  }
  return message;
};

const copy = (field: Field, value: unknown): unknown => {
  if (field.kind !== MESSAGE) return value;
  const type = typeOf(field);
  return type.special?.unwrap || value == null ? value : createAny(type, value);
};
