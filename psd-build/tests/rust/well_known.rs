use psd_proto::prost_types::Timestamp;

use crate::pb::every::kind::{Maps, WellKnown};
use crate::{read, read_classic, round_trip, write};

#[test]
fn all_of_them() {
    round_trip::<WellKnown>(concat!(
        r#"{"any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"},"duration":"-1.500s","empty":{},"#,
        r#""fieldMask":"fooBar,baz","struct":{"a":null,"b":[1.0,"x",false,{}]},"value":"x","listValue":[null,[]],"#,
        r#""timestamp":"2024-02-29T12:30:45.123456Z","boolValue":false,"bytesValue":"","doubleValue":0.0,"#,
        r#""floatValue":0.0,"int32Value":0,"int64Value":"0","stringValue":"","uint32Value":0,"uint64Value":"0"}"#
    ));
    round_trip::<WellKnown>(concat!(
        r#"{"anys":[{},{"@type":"x.y/every.kind.Scalars","anInt32":7}],"durations":["0s"],"values":[null,1.0,"a",[],{}],"#,
        r#""int64Values":["0","1"],"nullValues":[null,null],"maybeNull":null,"empties":[{},{}]}"#
    ));
}

#[test]
fn value_takes_null() {
    round_trip::<WellKnown>(r#"{"value":null}"#);
    assert_eq!(write(&read::<WellKnown>(r#"{"nullValue":null}"#)), "{}");
}

#[test]
fn any_of_a_generated_message() {
    // The type may come last, and the message may hold another.
    let text = r#"{"any":{"stringValue":"x","any":{"value":"7","@type":"a/google.protobuf.Int64Value"},"@type":"a/every.kind.WellKnown"}}"#;
    let written = r#"{"any":{"@type":"a/every.kind.WellKnown","any":{"@type":"a/google.protobuf.Int64Value","value":"7"},"stringValue":"x"}}"#;
    assert_eq!(write(&read::<WellKnown>(text)), written);
    round_trip::<WellKnown>(written);
    // A common message, and one nested in another.
    round_trip::<WellKnown>(r#"{"any":{"@type":"a/socket_api.Ack","uuid":"u"}}"#);
    round_trip::<WellKnown>(r#"{"any":{"@type":"a/every.kind.Node.Other","node":{}}}"#);
}

#[test]
fn classic_objects() {
    let message: WellKnown = read_classic(
        r#"{"timestamp":{"seconds":"5","nanos":1},"duration":{"seconds":2},"int64Value":{"value":"7"},
            "stringValue":{"value":"x"},"boolValue":{"value":false},"bytesValue":{},"int64Values":[{"value":1},"2"],
            "doubleValue":1,"floatValue":{"value":null}}"#,
    );
    assert_eq!(message.timestamp, Some(Timestamp { seconds: 5, nanos: 1 }));
    assert_eq!(message.int64_value, Some(7));
    assert_eq!(message.string_value.as_deref(), Some("x"));
    assert_eq!(message.bool_value, Some(false));
    assert_eq!(message.bytes_value, Some(vec![]));
    assert_eq!(message.int64_values, [1, 2]);
    assert_eq!((message.double_value, message.float_value), (Some(1.0), Some(0.0)));
    let message: Maps = read_classic(r#"{"toWrapper":{"a":{"value":"1"}},"toTimestamp":{"a":{}}}"#);
    assert_eq!(write(&message), r#"{"toTimestamp":{"a":"1970-01-01T00:00:00Z"},"toWrapper":{"a":"1"}}"#);
}
