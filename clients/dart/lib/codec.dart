/// What generated code and those who use it need: messages as data, and how they become bytes and JSON and back.
library;

export 'src/codec/enums.dart' show EnumType, ProtoEnum, UnknownEnum;
export 'src/codec/error.dart' show CodecException;
export 'src/codec/field.dart'
    show Field, ListField, MapField, OneofCase, OneofField, OptionalField, PlainField;
export 'src/codec/json.dart' show JsonNames;
export 'src/codec/json_text.dart' show parseJson;
export 'src/codec/kind.dart';
export 'src/codec/message.dart'
    show CacheKeys, ClientMessage, MessageType, Origin, ProtoMessage, ServerMessage, changed, unchanged;
export 'src/codec/registry.dart' show MessageRegistry;
export 'src/wkt/any.dart' show Any;
export 'src/wkt/other.dart' show Empty, FieldMask;
export 'src/wkt/struct.dart' show NullValue, OpenNullValue, UnknownNullValue, Value, listValue, struct;
export 'src/wkt/time.dart' show ProtoDuration, Timestamp;
export 'src/wkt/wrappers.dart';
