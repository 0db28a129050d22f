use crate::folder::Folder;

/// A contract that has everything that is looked at.
const CONTRACT: &str = "syntax = \"proto3\";\npackage chat;\nimport \"google/protobuf/timestamp.proto\";\n\n/**\n * Größe.\n \
                        *\n * type = 'chat|sent';\n * origin = client/server\n\tauth = false\n * client cache = days(7) + hours(1)\n \
                        * client cache_keys = text('room', \"author\"), int('n')\n */\nmessage Sent {\n  // A room.\n  string room = 1; \
                        // Behind.\n  string author = 2;\n  int32 n = 3;\n  map<string, Sent> map = 4;\n  oneof choice { Color c = 5; }\n  \
                        /* type = 'in';\n origin = server */\n  message Inner {}\n}\r\n\r\nenum Color { NONE = 0; /* Ünd */ RED = 1; }\n// path = 'x'\n\
                        message Plain { google.protobuf.Timestamp t = 1; }\nservice S { rpc A (Plain) returns (Plain); }\n";

/// What mutations put in.
const PIECES: [&str; 16] = [
    "/*",
    "*/",
    "//",
    "\n",
    "\n\n",
    "'",
    "\"",
    "=",
    "(",
    ")",
    ";",
    "ß",
    "\u{85}",
    "type = ",
    "}",
    "client cache = days(",
];

/// Xorshift: the same mutations in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

fn mutate(random: &mut Random) -> String {
    let mut characters: Vec<char> = CONTRACT.chars().collect();
    for _ in 0..=random.below(4) {
        let at = random.below(characters.len());
        match random.below(3) {
            0 => drop(characters.drain(at..(at + 1 + random.below(8)).min(characters.len()))),
            1 => drop(characters.splice(at..at, PIECES[random.below(PIECES.len())].chars())),
            _ => {
                let end = (at + random.below(40)).min(characters.len());
                let copied = characters[at..end].to_vec();
                let to = random.below(characters.len());
                drop(characters.splice(to..to, copied));
            }
        }
    }
    characters.into_iter().collect()
}

#[test]
fn no_contract_makes_the_generator_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut right, mut wrong) = (0, 0);
    for _ in 0..1_000 {
        let contract = mutate(&mut random);
        match Folder::new().file("proto/a.proto", &contract).own_schema() {
            Ok(_) => right += 1,
            Err(said) => {
                wrong += 1;
                // Whatever is wrong, it is told with a place in this file.
                assert!(said.contains("--> proto/a.proto:"), "{contract}\n{said}");
            }
        }
    }
    assert!(right > 50 && wrong > 50, "{right} right, {wrong} wrong: the mutations prove little");
}
