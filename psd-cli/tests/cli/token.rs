use std::path::PathBuf;

use serde_json::{Value, json};

use crate::fixture::{Finished, Psd, failure, psd};

const SECRET: &str = "a secret of at least sixteen bytes";

/// The public half of p256.pem.
const X: &str = "yH6d4GyJ8q5O6Rx-TzPaDhfY-Cfnd_NgM0rkzsGvj-M";
const Y: &str = "-rgll-VCA_9ypFq5UNdruL-CpjwPYiwUmRWjpk7d1Sw";

fn key(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "psd-core", "tests", "keys", name].iter().collect();
    path.to_str().unwrap().to_owned()
}

fn with_secret(arguments: &[&str]) -> Psd {
    psd(arguments).env("PSD_JWT_KEY", SECRET)
}

/// A token for user 7.
fn issued(more: &[&str]) -> String {
    let finished = with_secret(&[&["token", "issue", "--user", "7"], more].concat()).run();
    assert_eq!((finished.code, finished.err.as_str()), (Some(0), ""), "{finished:?}");
    assert_eq!(finished.out.lines().count(), 1);
    finished.out
}

fn json_of(finished: &Finished) -> Value {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    serde_json::from_str(&finished.out).unwrap()
}

#[test]
fn what_is_issued_is_shown_and_good() {
    let token =
        issued(&["--lifetime", "10.5m", "--issuer", "us", "--audience", "a", "--audience", "b", "--key-id", "k"]);
    let inspected = psd(&["token", "inspect"]).input(&token).run();
    let shown = json_of(&inspected);
    assert_eq!(shown["header"], json!({"alg": "HS256", "typ": "JWT", "kid": "k"}));
    let claims = &shown["claims"];
    assert_eq!((&claims["user_id"], &claims["token_type"]), (&json!("7"), &json!("access")));
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("us"), &json!(["a", "b"])));
    let note = "note: its signature was not verified; `psd token verify` does\n";
    assert_eq!(inspected.err, format!("note: it expires in 10 minutes\n{note}"));

    let arguments = ["token", "verify", "--issuer", "us", "--audience", "b", "--type", "access"];
    let verified = with_secret(&arguments).env("PSD_TOKEN", &format!("Bearer {}", token.trim())).run();
    assert_eq!(&json_of(&verified), claims);
    assert_eq!(verified.err, "note: it expires in 10 minutes\n");
}

#[test]
fn a_token_that_is_not_good_is_exit_code_1() {
    let token = issued(&["--type", "refresh"]);
    let (head, _) = token.split_once('.').unwrap();
    for (arguments, secret, token, reason) in [
        (&[][..], "another secret of that length", &*token, "its signature is not of a key that is known here"),
        (&["--type", "access"], SECRET, &token, "its `token_type` is `refresh`, not `access`"),
        (&["--issuer", "us"], SECRET, &token, "it is from another issuer"),
        (&["--audience", "us"], SECRET, &token, "it does not say whom it is for"),
        (&["--algorithm", "HS512"], SECRET, &token, "its algorithm is not that of the key"),
        (&[], SECRET, head, "it does not have three parts"),
    ] {
        let finished = psd(&[&["token", "verify"], arguments].concat()).env("PSD_JWT_KEY", secret).input(token).run();
        assert_eq!(finished, failure(1, "", &format!("error: the token is not good: {reason}\n")), "{arguments:?}");
    }
    for (text, reason) in [
        ("nonsense", "it is no token: it has 1 parts between dots, not 3"),
        ("*.e30.", "its header is not base64url"),
        ("e30.AAAA.", "its claims is not JSON: expected value at line 1 column 1"),
    ] {
        let finished = psd(&["token", "inspect"]).input(text).run();
        assert_eq!(finished, failure(1, "", &format!("error: {reason}\n")));
    }
}

#[test]
fn unsigned_and_eternal_tokens_are_marked() {
    // {"alg":"none"}, {"user_id":1}
    let finished = psd(&["token", "inspect", "eyJhbGciOiJub25lIn0.eyJ1c2VyX2lkIjoxfQ."]).run();
    assert_eq!(json_of(&finished), json!({"header": {"alg": "none"}, "claims": {"user_id": 1}}));
    assert_eq!(
        finished.err,
        "note: others on this machine can see arguments; standard input is safer for tokens\n\
         note: it has no `exp`: psd refuses it\nnote: it is not signed: psd refuses it\n"
    );
}

#[test]
fn key_pairs_and_key_sets() {
    let private = key("p256.pem");
    let issue = ["token", "issue", "--user", "7", "--algorithm", "ES256", "--key-file", &private];
    let token = psd(&issue).run();
    assert_eq!(token.code, Some(0), "{token:?}");
    let verify = |more: &[&str]| psd(&[&["token", "verify"], more].concat()).input(&token.out).run();
    json_of(&verify(&["--algorithm", "ES256", "--key-file", &key("p256-public.pem")]));
    let other = verify(&["--algorithm", "EdDSA", "--key-file", &key("ed25519-public.pem")]);
    assert_eq!(other.code, Some(1), "{other:?}");

    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("jwks.json");
    let set_path = set.to_str().unwrap();
    std::fs::write(&set, json!({"keys": []}).to_string()).unwrap();
    let empty = verify(&["--jwks", set_path]);
    assert_eq!(empty.code, Some(2), "{empty:?}");
    assert!(empty.err.contains("none of its 0 keys verifies signatures"), "{empty:?}");
    std::fs::write(&set, json!({"keys": [{"kty": "EC", "crv": "P-256", "x": X, "y": Y}]}).to_string()).unwrap();
    json_of(&verify(&["--jwks", set_path]));
    let down = verify(&["--jwks", "http://127.0.0.1:1/jwks"]);
    assert_eq!(down.code, Some(3), "{down:?}");
    assert!(down.err.starts_with("error: the keys of http://127.0.0.1:1/jwks are not there: "), "{down:?}");
    let plain = verify(&["--jwks", "http://id.example.org/jwks"]);
    assert!(plain.code == Some(2) && plain.err.contains("only https:// can be trusted"), "{plain:?}");
}

#[test]
fn a_key_that_is_of_no_use_is_exit_code_2() {
    let issue = |more: &[&str]| psd(&[&["token", "issue", "--user", "7"], more].concat()).run();
    let none = "error: there is no key: name a file by `--key-file`, or set PSD_JWT_KEY\n";
    assert_eq!(issue(&[]), failure(2, "", none));
    for (arguments, reason) in [
        (&["--key-file", "/nowhere"][..], "cannot read the key from `/nowhere`"),
        (&["--algorithm", "none"], "`none` is no algorithm: use one of HS256, "),
        (&["--algorithm", "ES256", "--key-file", &key("p256-public.pem")], "the key is a public one"),
        (&["--key-file", &key("rsa-public.pem")], "the secret is a key in PEM form"),
        (&["--algorithm", "RS256", "--key-file", &key("rsa-1024.pem")], "the RSA key has 1024 bits"),
        (&["--secret", SECRET], "unexpected argument '--secret'"),
    ] {
        let finished = issue(arguments);
        assert!(finished.code == Some(2) && finished.err.contains(reason), "{finished:?}");
        assert_eq!(finished.out, "");
    }
    let short = psd(&["token", "issue", "--user", "7"]).env("PSD_JWT_KEY", "short").run();
    let err = "error: the key of `PSD_JWT_KEY`: the secret has 5 bytes: use at least 16 random ones\n";
    assert_eq!(short, failure(2, "", err));
}

#[test]
fn the_line_end_behind_a_secret_is_none_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.txt");
    for end in ["", "\n", "\r\n"] {
        std::fs::write(&path, format!("{SECRET}{end}")).unwrap();
        let token = psd(&["token", "issue", "--user", "7", "--key-file", path.to_str().unwrap()]).run().out;
        json_of(&with_secret(&["token", "verify"]).input(&token).run());
    }
}
