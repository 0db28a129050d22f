use crate::pb::every::kind::{Choice, Lists, Maps, Node, Nothing, Scalars, Wide, choice};
use crate::{read, round_trip, write};

#[test]
fn scalars() {
    let message: Scalars = round_trip(concat!(
        r#"{"aDouble":0.1,"aFloat":-1.5,"anInt32":-2147483648,"anInt64":"-9223372036854775808","aUint32":4294967295,"#,
        r#""aUint64":"18446744073709551615","aSint32":-1,"aSint64":"-2","aFixed32":3,"aFixed64":"4","anSfixed32":-5,"#,
        r#""anSfixed64":"-6","aBool":true,"aString":"ž \"q\" \\ \n","someBytes":"AP/+Pj8=","aMood":"soSo"}"#
    ));
    assert_eq!(message.an_int64, i64::MIN);
    assert_eq!(message.some_bytes, [0, 255, 254, 62, 63]);
    assert_eq!(message.a_mood, 2);
}

#[test]
fn lenient_scalars() {
    let message: Scalars = read(
        r#"{"aDouble":"1e3","a_float":"Infinity","anInt32":"12.0","an_int64":5,"aUint32":1e2,"aUint64":7.0,
            "someBytes":"-_8","aMood":-1}"#,
    );
    assert_eq!((message.a_double, message.a_float), (1000.0, f32::INFINITY));
    assert_eq!((message.an_int32, message.an_int64, message.a_uint32, message.a_uint64), (12, 5, 100, 7));
    assert_eq!(message.some_bytes, [0xfb, 0xff]);
    assert_eq!(message.a_mood, -1);
}

#[test]
fn not_numbers() {
    let message = Scalars { a_double: f64::NAN, a_float: f32::NEG_INFINITY, ..Scalars::default() };
    let text = r#"{"aDouble":"NaN","aFloat":"-Infinity"}"#;
    assert_eq!(write(&message), text);
    assert!(read::<Scalars>(text).a_double.is_nan());
    // Negative zero is no default.
    round_trip::<Scalars>(r#"{"aDouble":-0.0,"aFloat":-0.0}"#);
}

#[test]
fn enums() {
    round_trip::<Scalars>(r#"{"aMood":"HAPPY"}"#);
    round_trip::<Scalars>(r#"{"aMood":"SAD"}"#);
    round_trip::<Scalars>(r#"{"aMood":77}"#);
    // An alias is read; the first name is written.
    assert_eq!(write(&read::<Scalars>(r#"{"aMood":"GLAD"}"#)), r#"{"aMood":"HAPPY"}"#);
    assert_eq!(write(&read::<Scalars>(r#"{"aMood":1}"#)), r#"{"aMood":"HAPPY"}"#);
    assert_eq!(write(&read::<Scalars>(r#"{"aMood":"mood_none"}"#)), "{}");
}

#[test]
fn lists() {
    round_trip::<Lists>(concat!(
        r#"{"doubles":[0.0,1.5],"floats":[0.0,-1.5],"int32s":[0,-1],"int64s":["0","-1"],"uint32s":[0,1],"#,
        r#""uint64s":["0","1"],"bools":[false,true],"strings":["","x"],"manyBytes":["","AA=="],"#,
        r#""moods":["mood_none","SAD",9],"messages":[{},{"anInt32":0,"aMessage":{}}]}"#
    ));
}

#[test]
fn maps() {
    round_trip::<Maps>(concat!(
        r#"{"byInt32":{"-1":"a","2":"b"},"byInt64":{"-9223372036854775808":"a"},"byUint32":{"4294967295":"a"},"#,
        r#""byUint64":{"18446744073709551615":"a"},"bySint32":{"-1":""},"bySint64":{"-1":""},"byFixed32":{"1":""},"#,
        r#""byFixed64":{"1":""},"bySfixed32":{"-1":""},"bySfixed64":{"-1":""},"byBool":{"false":"a","true":"b"},"#,
        r#""byString":{"":"","a\"b":"\n"},"toDouble":{"a":0.0},"toInt64":{"a":"4611686018427387904"},"#,
        r#""toBool":{"a":false},"toBytes":{"a":"AQI="},"toMood":{"a":"HAPPY","b":"mood_none","c":5},"#,
        r#""toMessage":{"a":{},"b":{"anInt32":1}},"toTimestamp":{"a":"1970-01-01T00:00:00Z"},"#,
        r#""toWrapper":{"a":"0","b":"7"},"toValue":{"a":null,"b":[1.0,{}]}}"#
    ));
    // The last of equal keys counts.
    assert_eq!(write(&read::<Maps>(r#"{"byInt32":{"1":"a","1":"b"}}"#)), r#"{"byInt32":{"1":"b"}}"#);
}

#[test]
fn oneofs() {
    for text in [
        r#"{"number":"0"}"#,
        r#"{"text":""}"#,
        r#"{"data":""}"#,
        r#"{"mood":"mood_none"}"#,
        r#"{"mood":"SAD"}"#,
        r#"{"inside":{}}"#,
        r#"{"inside":{"depth":"DEEP"}}"#,
        r#"{"again":{"again":{"text":"x"}}}"#,
        r#"{"wrapped":""}"#,
        r#"{"nothing":null}"#,
        r#"{"anything":null}"#,
        r#"{"anything":{"a":[true]}}"#,
        r#"{"empty":{}}"#,
        r#"{"file":{"localKey":"k"}}"#,
        r#"{"before":"b","after":"a","text":"x","yes":false}"#,
    ] {
        round_trip::<Choice>(text);
    }
    let message: Choice = read(r#"{"nothing":"NULL_VALUE","no":true}"#);
    assert_eq!(message.choice, Some(choice::Choice::Nothing(0)));
    assert_eq!(message.inner, Some(choice::InnerOneOf::No(true)));
}

#[test]
fn recursion() {
    round_trip::<Node>(
        r#"{"next":{"next":{"label":"x"}},"other":{"node":{"other":{}}},"children":[{},{"children":[{}]}],"named":{"a":{"named":{}}}}"#
            .replace(r#""named":{}"#, r#""label":"y""#)
            .as_str(),
    );
    let deep =
        |levels: usize| format!("{}{}", r#"{"next":"#.repeat(levels - 1), "{}".to_owned() + &"}".repeat(levels - 1));
    round_trip::<Node>(&deep(100));
    let error = crate::read_error::<Node>(&deep(101));
    assert!(error.ends_with(".next: nests deeper than the limit of 100"), "{error}");
}

/// As deep as it may be, on half the stack of a worker's thread; this is the debug build, others need less.
#[test]
fn recursion_fits_on_the_stack() {
    let text = format!("{}{}{}", r#"{"next":"#.repeat(99), "{}", "}".repeat(99));
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    thread.spawn(move || round_trip::<Node>(&text)).unwrap().join().unwrap();
}

/// More fields than one word of the mask has bits.
#[test]
fn wide() {
    let members: Vec<String> = (0..67).map(|index| format!("\"f{index}\":{}", index + 1)).collect();
    round_trip::<Wide>(&format!("{{{}}}", members.join(",")));
    for index in [0, 63, 64, 66] {
        let text = format!("{{{},\"f{index}\":1}}", members.join(","));
        assert_eq!(crate::read_error::<Wide>(&text), format!("f{index}: the field is there twice"));
    }
}

#[test]
fn nothing() {
    round_trip::<Nothing>("{}");
    assert_eq!(crate::read_error::<Nothing>(r#"{"a":1}"#), "a: unknown field `a`");
}
