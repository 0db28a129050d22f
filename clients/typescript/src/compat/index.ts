/**
 * The interface of the original client (proto_socket_typescript), on this one: an application moves over by changing its
 * imports. New code is better off with the package's main entry.
 */
export { rx, SocketRxMessage, SocketRxMessageData, SocketTxMessage, tx, type RxClass, type TxClass } from "./messages.js";
export { SocketApi, SocketApiAckStatus, SocketApiTxStatus, SocketConnector, type SendMessageOptions, type SocketApiOptions } from "./socket-api.js";
export { Subject, type Subscription } from "./subject.js";
