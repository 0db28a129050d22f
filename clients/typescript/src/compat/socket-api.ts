import { toJson, type JsonObject } from "../codec/index.js";
import { createClient, type Client, type ClientOptions } from "../client.js";
import { randomUuid } from "../environment.js";
import { PsdError } from "../error.js";
import { SocketRxMessageData, type SocketRxMessage, type SocketTxMessage } from "./messages.js";
import { Subject } from "./subject.js";

/** How a message ended that was sent. */
export enum SocketApiAckStatus {
  success,
  connectionError,
  timeout,
  messageError,
}

/** What became of a message; `fetch` throws it. */
export class SocketApiTxStatus {
  status: SocketApiAckStatus;
  /** The server's code. */
  error: number | null;
  errorMessage: string | null;

  constructor(status: SocketApiAckStatus, errorMessage: string | null = null, error: number | null = null) {
    this.status = status;
    this.errorMessage = errorMessage;
    this.error = error;
  }
}

/** How a message is sent. */
export interface SendMessageOptions {
  /** Whether to wait for the server's ack; `false` by default. */
  ack?: boolean;
  /** Milliseconds to wait for it; 10 000 by default. */
  timeoutMs?: number;
  /** Whether to wait for a connection first, for as long as it takes; `true` by default. */
  waitConnected?: boolean;
  /** The uuid of the request; a random one by default. */
  instanceUuid?: string;
  /** Sends no token along. */
  noAuthHeader?: boolean;
}

/** What the client below is made with; it speaks classic unless told otherwise. */
export type SocketApiOptions = Partial<Omit<ClientOptions, "url">>;

/** The connection of a {@link SocketApi}. */
export class SocketConnector {
  host: string;
  /** Tells when the connection comes and goes. */
  readonly connectedChanges = new Subject<boolean>();
  readonly #client: () => Client;
  #connected = false;

  constructor(host: string, client: () => Client) {
    this.host = host;
    this.#client = client;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Resolves when there is a connection. */
  get whenConnected(): Promise<null> {
    return until(this.connectedChanges, () => this.#connected);
  }

  /** Connects to another address. */
  replaceHost(host: string): void {
    this.host = host;
    this.#client().close();
    this.#client().connect();
  }

  /** For the {@link SocketApi}: looks where the connection stands. */
  update(): void {
    const connected = this.#client().connection.getSnapshot().status === "open";
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.connectedChanges.next(connected);
  }
}

/** The interface of the original client. */
export class SocketApi {
  /** The version of the application's contract, as the option `apiVersion`; it counts from the next connection on. */
  readonly apiVersion: number;
  /** Writes every message to the console, without tokens. */
  logging = false;
  /** Tells when a token is set or forgotten. */
  readonly authenticatedChanges = new Subject<boolean>();
  readonly connection: SocketConnector;
  /** The client that does the work. */
  readonly client: Client;
  #token: string | null = null;
  readonly #handlers = new Map<string, Subject<any>>();
  readonly #txHandlers = new Map<string, { intercept: boolean; handler: Subject<any> }>();

  constructor(host = "/ws", { apiVersion = 1, ...options }: SocketApiOptions = {}) {
    this.apiVersion = apiVersion;
    const client: Client = createClient({ dialect: "classic", apiVersion, ...options, url: () => this.connection.host });
    this.client = client;
    this.connection = new SocketConnector(host, () => client);
    client.connection.subscribe(() => this.connection.update());
    client.connect();
  }

  /** Whether a token is set. */
  get authenticated(): boolean {
    return this.#token !== null;
  }

  /** Resolves when a token is set. */
  get whenAuthenticated(): Promise<null> {
    return until(this.authenticatedChanges, () => this.authenticated);
  }

  /** Authenticates with a token from the next message on; `null` forgets it. */
  setAuth(token: string | null): void {
    if (this.#token === token) return;
    this.#token = token;
    void this.client.auth.setTokens(token === null ? undefined : { token });
    this.authenticatedChanges.next(this.authenticated);
  }

  /** Messages that may come before somebody asks for them. */
  setMessages(messages: readonly SocketRxMessage[]): void {
    this.client.register(...messages.map(({ descriptor }) => descriptor));
  }

  /** Every message of a type that comes. */
  getMessageHandler<M extends SocketRxMessage>(message: M): Subject<M> {
    const { messageType, descriptor } = message;
    let handler = this.#handlers.get(messageType);
    if (!handler) {
      const subject = (handler = new Subject<M>());
      this.#handlers.set(messageType, subject);
      this.client.on(descriptor, (proto, { uuid }) => {
        const received = this.#received(message, proto, uuid);
        this.#log("rxevent:", received.message.raw);
        subject.next(received);
      });
    }
    return handler;
  }

  /** Every message of a type that is sent; with `intercept`, it is not sent, but counts as sent well. */
  getTxMessageHandler<M extends SocketTxMessage>(message: M, { intercept = false } = {}): Subject<M> {
    const found = this.#txHandlers.get(message.messageType) ?? { intercept, handler: new Subject<M>() };
    if (found.intercept !== intercept) throw new Error("intercept mismatch - first remove existing handler");
    this.#txHandlers.set(message.messageType, found);
    return found.handler;
  }

  /** Forgets the handler of messages that are sent. */
  removeTxMessageHandler(message: SocketTxMessage): void {
    this.#txHandlers.delete(message.messageType);
  }

  /** Gives a message to the handlers as if it had come. */
  sendLocalUpdate(message: SocketRxMessage): void {
    this.#handlers.get(message.messageType)?.next(message);
  }

  /** Sends a message; never fails, but says what became of it. */
  async sendMessage(message: SocketTxMessage, options: SendMessageOptions = {}): Promise<SocketApiTxStatus> {
    const { ack = false, timeoutMs = 10_000, instanceUuid = randomUuid(), noAuthHeader = false } = options;
    const isSent = await this.#begin(message, options);
    if (typeof isSent !== "boolean") return isSent;
    if (!isSent) return new SocketApiTxStatus(SocketApiAckStatus.success);
    try {
      await this.client.send(message.descriptor, message.proto, {
        uuid: instanceUuid,
        noAck: !ack,
        noToken: noAuthHeader,
        timeout: timeoutMs,
        outbox: false,
      });
      return new SocketApiTxStatus(SocketApiAckStatus.success);
    } catch (error) {
      return status(error);
    }
  }

  /**
   * Sends a message and resolves with its reply, be it before or after the ack. Throws a {@link SocketApiTxStatus} if
   * there is none.
   */
  async fetch<M extends SocketRxMessage>(message: SocketTxMessage, result: M, options: Omit<SendMessageOptions, "ack"> = {}): Promise<M> {
    const { timeoutMs = 10_000, noAuthHeader = false, instanceUuid = randomUuid() } = options;
    const isSent = await this.#begin(message, options);
    if (typeof isSent !== "boolean") throw isSent;
    if (!isSent) throw new SocketApiTxStatus(SocketApiAckStatus.timeout, "The message was intercepted.");
    try {
      const sending = { timeout: timeoutMs, uuid: instanceUuid, noToken: noAuthHeader };
      const proto = await this.client.fetch(message.descriptor, message.proto, result.descriptor, sending);
      return this.#received(result, proto, instanceUuid);
    } catch (error) {
      throw status(error);
    }
  }

  /** Whether a message is to be sent; or why it cannot be. */
  async #begin(message: SocketTxMessage, { waitConnected = true }: SendMessageOptions): Promise<boolean | SocketApiTxStatus> {
    if (waitConnected) await this.connection.whenConnected;
    const handler = this.#txHandlers.get(message.messageType);
    handler?.handler.next(message);
    if (handler?.intercept) return false;
    if (!this.connection.connected) return new SocketApiTxStatus(SocketApiAckStatus.connectionError, "Error sending the message.");
    this.#log("txevent:", JSON.stringify({ headers: { messageType: message.messageType }, body: message.data }));
    return true;
  }

  #received<M extends SocketRxMessage>(like: M, proto: unknown, uuid: string | undefined): M {
    const body = () => toJson(like.descriptor, proto, { names: "classic" }) as JsonObject;
    return like.fromMessage(new SocketRxMessageData(like.messageType, body, uuid));
  }

  #log(what: string, message: string): void {
    if (this.logging) console.log(what, message);
  }
}

function status(error: unknown): SocketApiTxStatus {
  const { kind, message, code = null } = error as PsdError;
  if (kind === "refused") return new SocketApiTxStatus(SocketApiAckStatus.messageError, message, code);
  if (kind === "timeout") return new SocketApiTxStatus(SocketApiAckStatus.timeout, "No response from server.");
  return new SocketApiTxStatus(SocketApiAckStatus.connectionError, message);
}

function until(changes: Subject<boolean>, holds: () => boolean): Promise<null> {
  return new Promise((resolve) => {
    if (holds()) return resolve(null);
    const subscription = changes.subscribe((value) => {
      if (!value) return;
      subscription.unsubscribe();
      resolve(null);
    });
  });
}
