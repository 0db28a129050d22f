import { type Field, LIST, MAP, MESSAGE, type Plan, planIn, planOf, put } from "./message.js";
import type { Init, MessageType } from "./types.js";

/** A value of a message: what `init` says, and defaults for everything else. Lists, maps and messages are copied. */
export const create = <T>(type: MessageType<T>, init?: Init<T>): T => createFrom(planOf(type), init) as T;

const createFrom = (plan: Plan, init: any = {}): unknown => {
  const message = plan.empty();
  for (const field of plan.fields) {
    const { name, property, label } = field;
    const given = init[property];
    // What a prototype brings was not said.
    if (given == null || !Object.hasOwn(init, property)) continue;
    if (label === LIST) message[name] = given.map((item: unknown) => copy(field, item));
    else if (label === MAP) for (const key of Object.keys(given)) put(message[name], key, copy(planIn(field).fields[1]!, given[key]));
    else if (property === name) message[name] = copy(field, given);
    else if (given.case === name) message[property] = { case: name, value: copy(field, given.value) };
  }
  return message;
};

const copy = (field: Field, value: unknown): unknown =>
  field.kind !== MESSAGE || value == null || planIn(field).special?.unwrap ? value : createFrom(planIn(field), value);
