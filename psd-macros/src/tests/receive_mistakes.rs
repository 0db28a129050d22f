use super::{check_mistakes, mistakes, tokens};

const PING: &str = "fn ping(message: pb::Ping) {}";
const ASYNC_PING: &str = "async fn ping(message: pb::Ping) {}";

/// What every complaint about an unknown option ends with, here shown as `…`.
const OPTIONS: &str = "the options are `auth`, `permissions`, `whitelist_groups`, `blacklist_groups`, `guard`, \
                       `consumer`, `blocking`, `concurrent`, `timeout`, `rate`, `max_bytes`, `any_name`";

/// The mistakes of `#[receive(args)] function`: what each is written over, and its text.
#[track_caller]
fn check(args: &str, function: &str, expected: &[(&str, &str)]) {
    let error = match syn::parse2(tokens(function)) {
        Ok(function) => crate::receive::handler(tokens(args), &function).map(|_| ()).unwrap_err(),
        Err(error) => error,
    };
    let mut found = mistakes(error);
    for (_, text) in &mut found {
        *text = text.replace(OPTIONS, "…");
    }
    check_mistakes(found, expected);
}

#[test]
fn an_unknown_option() {
    check("permision = [\"a.b\"]", PING, &[("permision", "unknown option `permision`, did you mean `permissions`? …")]);
    check("group = []", PING, &[("group", "unknown option `group`: …")]);
    check(
        "whitelist = [\"staff\"]",
        PING,
        &[("whitelist", "unknown option `whitelist`, did you mean `whitelist_groups`? …")],
    );
    check("deadline = 5", PING, &[("deadline", "unknown option `deadline`: …")]);
    check("Auth", PING, &[("Auth", "unknown option `Auth`, did you mean `auth`? …")]);
    check("= 3", PING, &[("=", "expected an option: …")]);
    check("\"auth\"", PING, &[("\"auth\"", "expected an option: …")]);
    check("auth::x", PING, &[(":", "expected `=` after `auth`: write `auth`, `auth = true` or `auth = false`")]);
}

#[test]
fn limits() {
    check("timeout = 5", ASYNC_PING, &[("5", "`timeout` takes a string, found `5`: write `timeout = \"5s\"`")]);
    for wrong in ["5", "5h", "s", "0s", "-1s", "31536001s", "99999999999999999m", ""] {
        let text = format!("`{wrong}` is not a time up to a year: write `500ms`, `5s`, `2m`, or `off` for none");
        let wrong = format!("{wrong:?}");
        check(&format!("timeout = {wrong}"), ASYNC_PING, &[(&wrong, &text)]);
    }
    let in_place = "`timeout` is for a handler that is waited for, and a plain `fn` runs in place: add `async` or \
                    `blocking`, or remove `timeout`";
    check("timeout = \"5s\"", PING, &[("\"5s\"", in_place)]);
    check("rate", PING, &[("rate", "`rate` needs a value: write `rate = \"10/s\"`")]);
    for wrong in ["10", "0/s", "10/d", "off"] {
        let text = format!("`{wrong}` is not a rate: write `10/s`, `600/m` or `5000/h`");
        let wrong = format!("{wrong:?}");
        check(&format!("rate = {wrong}"), PING, &[(&wrong, &text)]);
    }
    check("max_bytes = 0", PING, &[("0", "`0` is no number of bytes above 0")]);
    check(
        "max_bytes = \"4k\"",
        PING,
        &[("\"4k\"", "`max_bytes` takes a number, found `\"4k\"`: write `max_bytes = 4096`")],
    );
}

#[test]
fn a_repeated_option() {
    check("auth, auth = false", PING, &[("auth", "`auth` is given twice: keep one of them")]);
    check("blocking, blocking", PING, &[("blocking", "`blocking` is given twice: keep one of them")]);
}

#[test]
fn a_missing_comma() {
    check(
        "auth permissions = [\"a.b\"]",
        PING,
        &[("permissions", "expected `,` between the option `auth` and the next")],
    );
    check(
        "auth = true blocking",
        PING,
        &[(
            "true blocking",
            "`auth` is either `true` or `false`, found `true blocking`: write `auth`, `auth = true` or `auth = false`",
        )],
    );
    check(", auth", PING, &[(",", "expected an option: …")]);
    check("blocking auth", PING, &[("auth", "expected `,` between the option `blocking` and the next")]);
}

#[test]
fn auth_is_a_switch() {
    check(
        "auth = \"yes\"",
        PING,
        &[(
            "\"yes\"",
            "`auth` is either `true` or `false`, found `\"yes\"`: write `auth`, `auth = true` or `auth = false`",
        )],
    );
    check(
        "auth = 1",
        PING,
        &[("1", "`auth` is either `true` or `false`, found `1`: write `auth`, `auth = true` or `auth = false`")],
    );
    check(
        "auth(false)",
        PING,
        &[("(false)", "`auth` takes its value after `=`: write `auth`, `auth = true` or `auth = false`")],
    );
    check("auth =", PING, &[("auth", "`auth` needs a value: write `auth`, `auth = true` or `auth = false`")]);
    check(
        "auth = !true",
        PING,
        &[(
            "!true",
            "`auth` is either `true` or `false`, found `!true`: write `auth`, `auth = true` or `auth = false`",
        )],
    );
}

#[test]
fn flags_take_no_value() {
    check("blocking = true", PING, &[("= true", "`blocking` takes no value: write `blocking`, or leave it out")]);
    check("concurrent(4)", ASYNC_PING, &[("(4)", "`concurrent` takes no value: write `concurrent`, or leave it out")]);
    check("any_name = \"x\"", PING, &[("= \"x\"", "`any_name` takes no value: write `any_name`, or leave it out")]);
}

#[test]
fn lists_are_lists_of_strings() {
    check(
        "permissions = \"a.b\"",
        PING,
        &[("\"a.b\"", "`permissions` takes a list of strings: write `permissions = [\"a.b\"]`")],
    );
    check(
        "permissions",
        PING,
        &[("permissions", "`permissions` needs a value: write `permissions = [\"app.codename\"]`")],
    );
    check(
        "permissions =, auth",
        PING,
        &[("permissions", "`permissions` needs a value: write `permissions = [\"app.codename\"]`")],
    );
    check(
        "permissions(\"a.b\")",
        PING,
        &[("(\"a.b\")", "`permissions` takes its value after `=`: write `permissions = [\"app.codename\"]`")],
    );
    check(
        "permissions: [\"a.b\"]",
        PING,
        &[(":", "expected `=` after `permissions`: write `permissions = [\"app.codename\"]`")],
    );
    check(
        "permissions = [ADD, \"a.b\", 3]",
        PING,
        &[
            ("ADD", "`permissions` takes string literals, found `ADD`: write `\"app.codename\"`"),
            ("3", "`permissions` takes string literals, found `3`: write `\"app.codename\"`"),
        ],
    );
    check(
        "permissions = ADD",
        PING,
        &[("ADD", "`permissions` takes a list of strings: write `permissions = [\"app.codename\"]`")],
    );
    check(
        "permissions = [\"a.b\" \"c.d\"]",
        PING,
        &[("[\"a.b\" \"c.d\"]", "`permissions` takes a list of strings: write `permissions = [\"app.codename\"]`")],
    );
    check(
        "whitelist_groups = (\"staff\")",
        PING,
        &[("(\"staff\")", "`whitelist_groups` takes a list of strings: write `whitelist_groups = [\"group\"]`")],
    );
}

#[test]
fn lists_say_something() {
    check(
        "permissions = []",
        PING,
        &[(
            "[]",
            "`permissions` is empty and would guard nothing: write `permissions = [\"app.codename\"]`, or leave it out",
        )],
    );
    check(
        "whitelist_groups = [\"\", \" \"]",
        PING,
        &[
            ("\"\"", "`whitelist_groups` has an empty string: take it out"),
            ("\" \"", "`whitelist_groups` has an empty string: take it out"),
        ],
    );
    check(
        "blacklist_groups = [\"a\", \"b\", \"a\"]",
        PING,
        &[("\"a\"", "`a` is in `blacklist_groups` twice: keep one of them")],
    );
}

#[test]
fn permissions_look_like_permissions() {
    check(
        "permissions = [\"add_message\"]",
        PING,
        &[("\"add_message\"", "`add_message` is not a permission: write `app.codename`, such as `chat.add_message`")],
    );
    check(
        "permissions = [\".add\", \"chat.\", \"chat.add message\"]",
        PING,
        &[
            ("\".add\"", "`.add` is not a permission: write `app.codename`, such as `chat.add_message`"),
            ("\"chat.\"", "`chat.` is not a permission: write `app.codename`, such as `chat.add_message`"),
            (
                "\"chat.add message\"",
                "`chat.add message` is not a permission: write `app.codename`, such as `chat.add_message`",
            ),
        ],
    );
}

#[test]
fn consumer_is_a_type() {
    check("consumer", PING, &[("consumer", "`consumer` needs a value: write `consumer = Admin`")]);
    check(
        "consumer = \"admin\"",
        PING,
        &[("\"admin\"", "`consumer` takes the type of a consumer, found `\"admin\"`: write `consumer = Admin`")],
    );
    check(
        "consumer = Admin::new()",
        PING,
        &[("Admin::new()", "`consumer` takes the type of a consumer, found `Admin::new()`: write `consumer = Admin`")],
    );
    check("consumer(Admin)", PING, &[("(Admin)", "`consumer` takes its value after `=`: write `consumer = Admin`")]);
    check(
        "consumer = &Admin",
        PING,
        &[("&Admin", "`consumer` takes the type of a consumer, found `&Admin`: write `consumer = Admin`")],
    );
}

#[test]
fn guard_is_a_function() {
    check("guard", PING, &[("guard", "`guard` needs a value: write `guard = may_send`")]);
    check("guard = ", PING, &[("guard", "`guard` needs a value: write `guard = may_send`")]);
    check(
        "guard = \"may_send\"",
        PING,
        &[("\"may_send\"", "`guard` takes a function, found `\"may_send\"`: write `guard = may_send`")],
    );
    check(
        "guard = |message| true",
        PING,
        &[("|message| true", "`guard` takes a function, found `|message|true`: write `guard = may_send`")],
    );
    check("guard(may_send)", PING, &[("(may_send)", "`guard` takes its value after `=`: write `guard = may_send`")]);
}

#[test]
fn guards_need_an_identity() {
    check(
        "auth = false, permissions = [\"a.b\"]",
        PING,
        &[("auth", "`auth = false` contradicts `permissions`, which need an identity: remove one or the other")],
    );
    check(
        "blacklist_groups = [\"muted\"], auth = false, whitelist_groups = [\"staff\"]",
        PING,
        &[(
            "auth",
            "`auth = false` contradicts `whitelist_groups` and `blacklist_groups`, which need an identity: remove one or the other",
        )],
    );
}

#[test]
fn a_group_on_both_lists() {
    check(
        "whitelist_groups = [\"staff\", \"x\"], blacklist_groups = [\"y\", \"staff\"]",
        PING,
        &[("\"staff\"", "`staff` is in `whitelist_groups` too: nobody would pass, keep one of them")],
    );
}

#[test]
fn modes_fit_the_function() {
    check(
        "blocking",
        ASYNC_PING,
        &[("blocking", "`blocking` is for a plain `fn`: remove `async`, or remove `blocking`")],
    );
    check(
        "concurrent",
        PING,
        &[(
            "concurrent",
            "`concurrent` is for an `async fn`: add `async`, or write `blocking` for work that takes time",
        )],
    );
    check(
        "blocking, concurrent",
        ASYNC_PING,
        &[(
            "concurrent",
            "`blocking` and `concurrent` exclude each other: `blocking` is for a plain `fn`, `concurrent` for an `async fn`",
        )],
    );
    check(
        "concurrent, blocking",
        PING,
        &[(
            "concurrent",
            "`blocking` and `concurrent` exclude each other: `blocking` is for a plain `fn`, `concurrent` for an `async fn`",
        )],
    );
}

#[test]
fn no_message() {
    check(
        "",
        "fn ping() {}",
        &[(
            "ping",
            "`ping` takes no message: the type of the first parameter is the route, write `ping(message: pb::…)`",
        )],
    );
    check(
        "",
        "async fn ping(State(db): State<Db>) {}",
        &[(
            "State<Db>",
            "`State<Db>` is not a message: the type of the first parameter is the route, write `message: pb::…` first",
        )],
    );
    check(
        "",
        "fn ping(message: (pb::Ping, u8)) {}",
        &[(
            "(pb::Ping, u8)",
            "`(pb::Ping, u8)` is not a message: the type of the first parameter is the route, write `message: pb::…` first",
        )],
    );
    check(
        "",
        "fn ping(message: [pb::Ping; 2]) {}",
        &[(
            "[pb::Ping; 2]",
            "`[pb::Ping; 2]` is not a message: the type of the first parameter is the route, write `message: pb::…` first",
        )],
    );
    check(
        "",
        "fn ping(#[cfg(test)] message: pb::Ping) {}",
        &[("#[cfg(test)]", "the message cannot depend on `cfg`: put the `cfg` on the function")],
    );
}

#[test]
fn the_name_is_the_message_s() {
    check(
        "",
        "fn pong(message: pb::Ping) {}",
        &[("pong", "`pong` handles `Ping`: name it `ping`, or write `#[receive(any_name)]`")],
    );
    check(
        "",
        "fn send(message: pb::HTTPSend2Chat) {}",
        &[("send", "`send` handles `HTTPSend2Chat`: name it `http_send2_chat`, or write `#[receive(any_name)]`")],
    );
    check(
        "",
        "fn kind(message: Type) {}",
        &[("kind", "`kind` handles `Type`: name it `r#type`, or write `#[receive(any_name)]`")],
    );
}

#[test]
fn self_parameters() {
    check(
        "",
        "async fn ping(&self, message: pb::Ping) {}",
        &[("&self", "a handler cannot take `self`: write a free function and take what it needs as `State`")],
    );
    check(
        "",
        "fn ping(self: Arc<Self>) {}",
        &[("self: Arc<Self>", "a handler cannot take `self`: write a free function and take what it needs as `State`")],
    );
}

#[test]
fn parameters_are_owned_and_concrete() {
    check(
        "",
        "fn ping(message: &pb::Ping) {}",
        &[("&pb::Ping", "a handler owns its parameters: write `pb::Ping` without `&`")],
    );
    check(
        "",
        "fn ping(message: pb::Ping, db: &'static mut Db) {}",
        &[("&'static mut Db", "a handler owns its parameters: write `Db` without `&`")],
    );
    check(
        "",
        "fn ping(message: impl Message) {}",
        &[("impl", "a parameter cannot be `impl Trait`: it is extracted by its type, write out the type")],
    );
    check(
        "",
        "fn ping(message: pb::Ping, db: State<impl Clone>) {}",
        &[("impl", "a parameter cannot be `impl Trait`: it is extracted by its type, write out the type")],
    );
}

#[test]
fn generics() {
    check(
        "",
        "fn ping<T>(message: pb::Ping, db: State<T>) {}",
        &[("<T>", "a handler cannot be generic: it is registered once, for one message; write out the types")],
    );
    check(
        "",
        "fn ping<'a>(message: pb::Ping) {}",
        &[("<'a>", "a handler cannot be generic: it is registered once, for one message; write out the types")],
    );
    check(
        "",
        "fn ping<const N: usize>(message: pb::Ping) {}",
        &[(
            "<const N: usize>",
            "a handler cannot be generic: it is registered once, for one message; write out the types",
        )],
    );
    check(
        "",
        "fn ping(message: pb::Ping) where Db: Clone {}",
        &[(
            "where Db: Clone",
            "a handler cannot have a `where` clause: it is registered once, for one message; write out the types",
        )],
    );
    check(
        "",
        "fn ping<T>(message: pb::Ping, db: State<T>) where T: Clone {}",
        &[
            ("<T>", "a handler cannot be generic: it is registered once, for one message; write out the types"),
            (
                "where T: Clone",
                "a handler cannot have a `where` clause: it is registered once, for one message; write out the types",
            ),
        ],
    );
}

#[test]
fn qualifiers() {
    check(
        "",
        "unsafe fn ping(message: pb::Ping) {}",
        &[("unsafe", "a handler cannot be `unsafe`: nobody could vouch for what a client sends")],
    );
    check(
        "",
        "extern \"C\" fn ping(message: pb::Ping) {}",
        &[("extern \"C\"", "a handler cannot be `extern`: it is called from Rust only")],
    );
    check("", "fn ping(message: pb::Ping, ...) {}", &[("...", "a handler cannot be variadic: name every parameter")]);
}

#[test]
fn too_many_parameters() {
    check(
        "",
        "fn ping(message: pb::Ping, a: A, b: B, c: C, d: D, e: E, f: F, g: G, h: H, i: I, j: J, k: K, l: L, m: M) {}",
        &[("l: L", "a handler takes at most 12 parameters: gather some in one `State`")],
    );
}

#[test]
fn twice_on_one_function() {
    check(
        "",
        "#[receive] fn ping(message: pb::Ping) {}",
        &[("#[receive]", "`#[receive]` is given twice: a handler has one route, write a function for each")],
    );
    check(
        "",
        "/// x\n#[allow(unused)] #[psd_core::receive(auth)] fn ping(message: pb::Ping) {}",
        &[(
            "#[psd_core::receive(auth)]",
            "`#[receive]` is given twice: a handler has one route, write a function for each",
        )],
    );
}

#[test]
fn all_at_once() {
    check(
        "auth = 3, permision = [], permissions = [\"add\"], concurrent",
        "fn send<T>(&self, message: &pb::Ping) {}",
        &[
            ("3", "`auth` is either `true` or `false`, found `3`: write `auth`, `auth = true` or `auth = false`"),
            ("permision", "unknown option `permision`, did you mean `permissions`? …"),
            ("<T>", "a handler cannot be generic: it is registered once, for one message; write out the types"),
            (
                "concurrent",
                "`concurrent` is for an `async fn`: add `async`, or write `blocking` for work that takes time",
            ),
            ("\"add\"", "`add` is not a permission: write `app.codename`, such as `chat.add_message`"),
            ("&self", "a handler cannot take `self`: write a free function and take what it needs as `State`"),
            ("&pb::Ping", "a handler owns its parameters: write `pb::Ping` without `&`"),
        ],
    );
}

#[test]
fn not_a_function() {
    check(
        "auth = 3",
        "struct Ping;",
        &[(
            "struct",
            "`#[receive]` goes on a function, found `struct`: move it to the function that handles the message",
        )],
    );
    check(
        "",
        "pub(crate) mod ping {}",
        &[("mod", "`#[receive]` goes on a function, found `mod`: move it to the function that handles the message")],
    );
    check(
        "",
        "fn ping(message: pb::Ping);",
        &[("ping", "`ping` has no body: `#[receive]` goes on a function that handles the message")],
    );
    check(
        "",
        "impl Ping { fn x() {} }",
        &[("impl", "`#[receive]` goes on a function, found `impl`: move it to the function that handles the message")],
    );
    check(
        "",
        "const PING: fn() = ping;",
        &[(
            "const",
            "`#[receive]` goes on a function, found `const`: move it to the function that handles the message",
        )],
    );
    check(
        "",
        "pub const async unsafe extern \"C\" fn ping();",
        &[("ping", "`ping` has no body: `#[receive]` goes on a function that handles the message")],
    );
}
