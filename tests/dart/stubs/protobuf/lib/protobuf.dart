/// What generated code says of package:protobuf, and the names that messages inherit from it, with which theirs must
/// not clash. A stand-in for type checks, without behaviour.
library;

import 'dart:collection' show ListBase, MapBase;
import 'dart:typed_data' show Uint8List;

import 'package:fixnum/fixnum.dart' show Int64;

import 'src/protobuf/mixins/well_known.dart' show WellKnownType;

typedef CreateBuilderFunc = GeneratedMessage Function();
typedef ValueOfFunc = ProtobufEnum? Function(int value);

final class CodedBufferReader {}

final class CodedBufferWriter {}

final class Extension<T> {}

final class UnknownFieldSet {}

final class TypeRegistry {
  const TypeRegistry.empty();
}

final class ExtensionRegistry {
  const ExtensionRegistry._();

  static const ExtensionRegistry EMPTY = ExtensionRegistry._();
}

final class PackageName {
  const PackageName(this.name);

  final String name;
}

final class TagNumber {
  const TagNumber(this.tagNumber);

  final int tagNumber;
}

class ProtobufEnum {
  const ProtobufEnum(this.value, this.name);

  final int value;
  final String name;
}

abstract final class PbList<E> extends ListBase<E> {}

abstract final class PbMap<K, V> extends MapBase<K, V> {}

abstract class GeneratedMessage {
  GeneratedMessage();

  BuilderInfo get info_;
  GeneratedMessage createEmptyInstance();
  GeneratedMessage clone();
  external GeneratedMessage copyWith(void Function(GeneratedMessage) updates);

  external UnknownFieldSet get unknownFields;
  external bool get isFrozen;
  external GeneratedMessage freeze();
  external GeneratedMessage toBuilder();
  external bool hasRequiredFields();
  external bool isInitialized();
  external void clear();
  external void check();
  external String toDebugString();
  external int? getTagNumber(String fieldName);
  external void mergeFromMessage(GeneratedMessage other);
  external void mergeUnknownFields(UnknownFieldSet unknownFieldSet);

  external Uint8List writeToBuffer();
  external void writeToCodedBufferWriter(CodedBufferWriter output);
  external void mergeFromBuffer(List<int> input, [ExtensionRegistry extensionRegistry]);
  external void mergeFromCodedBufferReader(CodedBufferReader input, [ExtensionRegistry extensionRegistry]);

  external String writeToJson();
  external Map<String, dynamic> writeToJsonMap();
  external void mergeFromJson(String data, [ExtensionRegistry extensionRegistry]);
  external void mergeFromJsonMap(Map<String, dynamic> json, [ExtensionRegistry extensionRegistry]);
  external Object? toProto3Json({TypeRegistry typeRegistry = const TypeRegistry.empty()});
  external void mergeFromProto3Json(
    Object? json, {
    TypeRegistry typeRegistry = const TypeRegistry.empty(),
    bool ignoreUnknownFields = false,
    bool supportNamesWithUnderscores = true,
    bool permissiveEnums = false,
  });

  external void addExtension(Extension extension, Object? value);
  external void clearExtension(Extension extension);
  external bool extensionsAreInitialized();
  external dynamic getExtension(Extension extension);
  external bool hasExtension(Extension extension);
  external void setExtension(Extension extension, Object value);

  external void clearField(int tagNumber);
  external dynamic getField(int tagNumber);
  external dynamic getFieldOrNull(int tagNumber);
  external dynamic getDefaultForField(int tagNumber);
  external bool hasField(int tagNumber);
  external void setField(int tagNumber, Object value);

  external int $_whichOneof(int oneofIndex);
  external T $_getN<T>(int index);
  external T $_ensure<T>(int index);
  external PbList<T> $_getList<T>(int index);
  external PbMap<K, V> $_getMap<K, V>(int index);
  external bool $_getBF(int index);
  external int $_getIZ(int index);
  external String $_getSZ(int index);
  external Int64 $_getI64(int index);
  external bool $_has(int index);
  external void $_setBool(int index, bool value);
  external void $_setBytes(int index, List<int> value);
  external void $_setString(int index, String value);
  external void $_setFloat(int index, double value);
  external void $_setDouble(int index, double value);
  external void $_setSignedInt32(int index, int value);
  external void $_setUnsignedInt32(int index, int value);
  external void $_setInt64(int index, Int64 value);
  external void $_setField(int tagNumber, Object value);
  external void $_clearField(int tagNumber);

  external static T $_defaultFor<T extends GeneratedMessage>(T Function() createFn);
}

extension GeneratedMessageGenericExtensions<T extends GeneratedMessage> on T {
  external T rebuild(void Function(T) updates);
  external T deepCopy();
}

final class BuilderInfo {
  external BuilderInfo(
    String? messageName, {
    PackageName package,
    CreateBuilderFunc? createEmptyInstance,
    WellKnownType? wellKnownType,
  });

  bool hasRequiredFields = true;

  external void a<T>(
    int tagNumber,
    String name,
    int fieldType, {
    dynamic defaultOrMaker,
    CreateBuilderFunc? subBuilder,
    ValueOfFunc? valueOf,
    List<ProtobufEnum>? enumValues,
    String? protoName,
  });

  external void aOM<T extends GeneratedMessage>(
    int tagNumber,
    String name, {
    required T Function() subBuilder,
    String? protoName,
  });

  external void p<T>(int tagNumber, String name, int fieldType, {String? protoName});

  external void pc<T>(
    int tagNumber,
    String name,
    int fieldType, {
    CreateBuilderFunc? subBuilder,
    ValueOfFunc? valueOf,
    List<ProtobufEnum>? enumValues,
    ProtobufEnum? defaultEnumValue,
    String? protoName,
  });

  external void m<K, V>(
    int tagNumber,
    String name, {
    String? entryClassName,
    required int keyFieldType,
    required int valueFieldType,
    CreateBuilderFunc? valueCreator,
    ValueOfFunc? valueOf,
    List<ProtobufEnum>? enumValues,
    ProtobufEnum? defaultEnumValue,
    PackageName packageName,
    String? protoName,
    dynamic valueDefaultOrMaker,
  });

  external void oo(int oneofIndex, List<int> tags);
}

/// What is written for a field: `O`ptional, re`P`eated or pac`K`ed, and the kind.
abstract final class PbFieldType {
  static const int OB = 0, OY = 0, OS = 0, OF = 0, OD = 0, OE = 0, OM = 0;
  static const int O3 = 0, O6 = 0, OS3 = 0, OS6 = 0, OU3 = 0, OU6 = 0, OF3 = 0, OF6 = 0, OSF3 = 0, OSF6 = 0;
  static const int PB = 0, PY = 0, PS = 0, PF = 0, PD = 0, PE = 0, PM = 0;
  static const int P3 = 0, P6 = 0, PS3 = 0, PS6 = 0, PU3 = 0, PU6 = 0, PF3 = 0, PF6 = 0, PSF3 = 0, PSF6 = 0;
  static const int KB = 0, KF = 0, KD = 0, KE = 0;
  static const int K3 = 0, K6 = 0, KS3 = 0, KS6 = 0, KU3 = 0, KU6 = 0, KF3 = 0, KF6 = 0, KSF3 = 0, KSF6 = 0;
}
