// What the types of generated code allow and refuse. Compiled by test/compile.test.ts with every compiler, never run.
import {
  create,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
  type ClientMessage,
  type Init,
  type MessageShape,
  type ServerMessage,
} from "@psd/client/codec";
import { Ack, Login, LoginToken } from "@psd/client/common";
import { Timestamp } from "@psd/client/wkt";
import { Scalars as Numbers } from "../numbers/messages/every.js";
import { Scalars as Strings } from "../strings/messages/every.js";
import { Choice, Lists, Maps, Mood, Node, Presence, Scalars, WellKnown } from "../vectors/messages/every.js";
import { Map as OddMap, Members, Words } from "../vectors/messages/odd.js";
import { messages, OddMembers, types } from "../vectors/messages/index.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <A extends true>(): void => void (0 as unknown as A);

// Values have the types that the .proto files say.
is<Equal<Scalars["anInt64"], bigint>>();
is<Equal<(typeof Strings)["empty"], () => Strings>>();
is<Equal<Strings["anInt64"], string>>();
is<Equal<Numbers["aFixed64"], number>>();
is<Equal<Scalars["someBytes"], Uint8Array>>();
is<Equal<Scalars["aMood"], Mood>>();
is<Equal<Mood, 0 | 1 | 2 | -1>>();
is<Equal<Words, 0 | 1 | 2 | -1 | 2147483647 | -2147483648>>();
is<Equal<Lists["messages"], Presence[]>>();
is<Equal<Maps["toMessage"], { [key: string]: Scalars }>>();
is<Equal<NonNullable<WellKnown["int64Value"]>, bigint>>();
is<Equal<NonNullable<WellKnown["timestamp"]>, Timestamp>>();
is<Equal<MessageShape<typeof Node>, Node>>();
is<Equal<ReturnType<typeof fromBinary<Node>>, Node>>();

// A oneof tells its cases apart.
const choice = create(Choice, { choice: { case: "inside", value: { depth: 1 } } });
if (choice.choice.case === "number") is<Equal<typeof choice.choice.value, bigint>>();
if (choice.choice.case === "again") is<Equal<typeof choice.choice.value, Choice>>();
if (choice.choice.case === undefined) is<Equal<typeof choice.choice.value, undefined>>();
// @ts-expect-error: the value is of another case
create(Choice, { choice: { case: "number", value: "x" } });
// @ts-expect-error: there is no such case
create(Choice, { choice: { case: "nobody", value: 1 } });

// `create` takes any of the fields, also of messages within.
const init: Init<Node> = { next: { label: "a", named: { b: { children: [{}] } } } };
create(Node, init);
create(Scalars, { aDouble: undefined });
// @ts-expect-error: there is no such field
create(Scalars, { nothing: 1 });
// @ts-expect-error: of another type
create(Scalars, { anInt64: 1 });
// @ts-expect-error: a name that is not one of the enum's
Mood.FURIOUS;

// What is required is required, what is optional is not.
const presence: Presence = {};
toBinary(Presence, presence);
// @ts-expect-error: scalars without presence are always there
toBinary(Scalars, { aDouble: 1 });
// @ts-expect-error: a value of another message
toBinary(Scalars, presence);
fromJson(Scalars, toJson(Scalars, create(Scalars), { names: "classic" }));
// @ts-expect-error: there are two kinds of names
toJson(Scalars, create(Scalars), { names: "snake" });

// Who sends a message is part of its type.
const send = <T>(type: ClientMessage<T>, init: Init<T>): void => void [type, init];
const on = <T>(type: ServerMessage<T>, heard: (message: T) => void): void => void [type, heard];
send(Login, { username: "jana" });
send(Scalars, {});
on(LoginToken, ({ token }) => is<Equal<typeof token, string>>());
on(Scalars, ({ aBool }) => is<Equal<typeof aBool, boolean>>());
// @ts-expect-error: only the server sends it
send(Ack, {});
// @ts-expect-error: only clients send it
on(Login, () => {});
// @ts-expect-error: a plain structure does not travel
send(Node, {});
// @ts-expect-error: a field of another message
send(Login, { room: "a" });

// Routes are literal types.
is<Equal<(typeof Login)["type"], "login">>();
is<Equal<(typeof Node)["type"], undefined>>();
is<Equal<(typeof messages)[number]["type"], "scalars" | 'odd "members" \\n'>>();
is<Equal<typeof OddMembers, typeof Members>>();
is<Equal<OddMap["map"], { [key: string]: OddMap }>>();
types.map(({ name }) => name.length);
