import { create, fromJson, toJson, type ClientMessage, type Init, type JsonObject, type ServerMessage } from "../codec/index.js";

/** A message for the server, around the values in `proto`. */
export class SocketTxMessage<T = any> {
  /** What the message is, for the codec. */
  readonly descriptor: ClientMessage<T>;
  readonly messageType: string;
  /** Whether the sender must be authenticated. */
  readonly authRequired: boolean;
  proto: T;

  constructor(descriptor: ClientMessage<T>, proto: T) {
    this.descriptor = descriptor;
    this.messageType = descriptor.type;
    this.authRequired = descriptor.auth !== false;
    this.proto = proto;
  }

  /** The body as it travels. */
  get data(): JsonObject {
    return toJson(this.descriptor, this.proto, { names: "classic" }) as JsonObject;
  }
}

/** How a message came. */
export class SocketRxMessageData {
  readonly time = new Date();
  readonly online: boolean;
  readonly fromCache = false;
  readonly messageType: string;
  /** The uuid of the request that it answers. */
  readonly uuid: string | undefined;
  readonly #body: () => JsonObject;

  constructor(messageType: string, body: () => JsonObject, uuid?: string, online = true) {
    this.messageType = messageType;
    this.uuid = uuid;
    this.online = online;
    this.#body = body;
  }

  get body(): JsonObject {
    return this.#body();
  }

  get data(): { headers: JsonObject; body: JsonObject } {
    const headers: JsonObject = { messageType: this.messageType };
    if (this.uuid !== undefined) headers["uuid"] = this.uuid;
    return { headers, body: this.body };
  }

  /** The message as JSON. */
  get raw(): string {
    return JSON.stringify(this.data);
  }
}

/** A message of the server, with its values in `proto`; without a message, one of defaults that stands for its type. */
export class SocketRxMessage<T = any> {
  /** What the message is, for the codec. */
  readonly descriptor: ServerMessage<T>;
  readonly messageType: string;
  /** How it came. */
  message: SocketRxMessageData;
  proto: T;

  constructor(descriptor: ServerMessage<T>, message: SocketRxMessageData | null = null) {
    this.descriptor = descriptor;
    this.messageType = descriptor.type;
    this.proto = message ? fromJson(descriptor, message.body, { ignoreUnknown: true }) : create(descriptor);
    this.message = message ?? new SocketRxMessageData(this.messageType, () => this.#json(), undefined, false);
  }

  /** A message of the same type. */
  fromMessage(message: SocketRxMessageData): this {
    return new (this.constructor as new (message: SocketRxMessageData) => this)(message);
  }

  #json(): JsonObject {
    return toJson(this.descriptor, this.proto, { names: "classic" }) as JsonObject;
  }
}

/** The class of a message for the server. */
export interface TxClass<T, Route extends string> {
  new (proto: T): SocketTxMessage<T>;
  readonly type: Route;
  create<C>(this: new (proto: T) => C, properties?: Init<T>): C;
}

/** The class of a message of the server. */
export interface RxClass<T, Route extends string> {
  new (message?: SocketRxMessageData | null): SocketRxMessage<T>;
  readonly type: Route;
}

/** Makes the class of a message for the server; for generated code: `class TxSendChat extends tx(SendChat) {}`. */
export function tx<T, Route extends string>(descriptor: ClientMessage<T, Route>): TxClass<T, Route> {
  return class extends SocketTxMessage<T> {
    static readonly type = descriptor.type;

    constructor(proto: T) {
      super(descriptor, proto);
    }

    static create<C>(this: new (proto: T) => C, properties?: Init<T>): C {
      return new this(create(descriptor, properties));
    }
  };
}

/** Makes the class of a message of the server; for generated code: `class RxChatSent extends rx(ChatSent) {}`. */
export function rx<T, Route extends string>(descriptor: ServerMessage<T, Route>): RxClass<T, Route> {
  return class extends SocketRxMessage<T> {
    static readonly type = descriptor.type;

    constructor(message: SocketRxMessageData | null = null) {
      super(descriptor, message);
    }
  };
}
