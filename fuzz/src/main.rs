//! Mutates the corpus and feeds it to the targets, for a bounded time: `cargo xtask fuzz`.
//!
//! An input whose outcome (the message and its size, or the error) has not been seen before joins the corpus of the run.
//! The same seed makes the same inputs in the same order.

use std::collections::BTreeSet;
use std::error::Error;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use psd_fuzz::memory::{self, Counting};
use psd_fuzz::mutate::{Random, mutate};
use psd_fuzz::targets::{TARGETS, Target};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A target may hold so many bytes for each byte of its input, and [`FREE`] besides. Two bytes are a message in a list, and
/// the largest that can be in one has 352; the list doubles as it grows, it is decoded a second time for comparison, and
/// so it is by way of JSON.
const BYTES_PER_BYTE: usize = 1024;
/// Decompression has a window of 32 KiB and more.
const FREE: usize = 256 << 10;
/// Half of what a worker's thread has.
const STACK: usize = 1 << 20;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Box<dyn Error>> {
    let (mut seconds, mut seed, mut only) = (30, 0, None);
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let (name, given) =
            argument.split_once('=').map_or((&*argument, None), |(name, given)| (name, Some(given.to_owned())));
        let mut value = || given.clone().or_else(|| arguments.next()).ok_or_else(|| format!("`{name}` wants a value"));
        match name {
            "--seconds" => seconds = value()?.parse()?,
            "--seed" => seed = value()?.parse()?,
            "--target" => only = Some(value()?),
            _ => return replay(only.as_deref(), Path::new(&argument)),
        }
    }
    let chosen: Vec<_> =
        TARGETS.into_iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name)).collect();
    if chosen.is_empty() {
        return Err(format!("there is no such target; there are {}", TARGETS.map(|(name, _)| name).join(", ")).into());
    }
    let time = Duration::from_secs(seconds) / u32::try_from(chosen.len())?;
    let mut good = true;
    for (name, target) in chosen {
        let corpus = corpus(name)?;
        let thread = thread::Builder::new().stack_size(STACK);
        let fuzzed = thread.spawn(move || fuzz(name, target, corpus, time, seed))?.join();
        good &= fuzzed.map_err(|_| "the fuzzer itself panicked")??;
    }
    Ok(good)
}

/// Runs files that once failed.
fn replay(only: Option<&str>, file: &Path) -> Result<bool, Box<dyn Error>> {
    let input = fs::read(file)?;
    for (name, target) in TARGETS.into_iter().filter(|(name, _)| only.is_none_or(|only| only == *name)) {
        let (outcome, peak) = memory::peak(|| target(&input));
        println!("{name}: {outcome}, {peak} bytes at the peak");
    }
    Ok(true)
}

/// The committed inputs of a target, in the order of their names.
fn corpus(name: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    files.sort();
    Ok(files.iter().map(fs::read).collect::<Result<_, _>>()?)
}

fn fuzz(name: &str, target: Target, mut corpus: Vec<Vec<u8>>, time: Duration, seed: u64) -> Result<bool, String> {
    let (started, mut random, mut seen) = (Instant::now(), Random::new(seed), BTreeSet::new());
    let (mut inputs, mut worst) = (0u64, 0.0f64);
    let committed = corpus.len();
    while started.elapsed() < time {
        for _ in 0..256 {
            let index = usize::try_from(inputs).unwrap_or(usize::MAX);
            let input = if index < committed { corpus[index].clone() } else { mutate(&corpus, &mut random) };
            inputs += 1;
            let (outcome, peak) = memory::peak(|| catch_unwind(|| target(&input)));
            let Ok(outcome) = outcome else { return keep(name, &input, "panicked") };
            if peak > input.len() * BYTES_PER_BYTE + FREE {
                return keep(name, &input, &format!("held {peak} bytes for an input of {}", input.len()));
            }
            worst = worst.max(peak as f64 / input.len().max(64) as f64);
            if seen.insert(outcome) && index >= committed {
                corpus.push(input);
            }
        }
    }
    let (outcomes, rate) = (seen.len(), inputs as f64 / started.elapsed().as_secs_f64() / 1000.0);
    println!(
        "{name}: {inputs} inputs in {:.0} s ({rate:.0} thousand a second), {outcomes} outcomes, no failure; \
         at most {worst:.0} bytes of memory for a byte of input",
        started.elapsed().as_secs_f64()
    );
    Ok(true)
}

/// Writes an input that fails to where it can be found again.
fn keep(name: &str, input: &[u8], what: &str) -> Result<bool, String> {
    let hash = input
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    let folder = env::current_exe().ok().and_then(|file| Some(file.parent()?.join("failures"))).unwrap_or_default();
    let file = folder.join(format!("{name}-{hash:016x}"));
    fs::create_dir_all(&folder).and_then(|()| fs::write(&file, input)).map_err(|error| error.to_string())?;
    println!("{name}: {what}: {}\n{}", file.display(), String::from_utf8_lossy(input));
    println!("run it again with `cargo xtask fuzz --target {name} --input {}`", file.display());
    Ok(false)
}
