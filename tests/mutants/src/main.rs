//! `./mutate [COUNT]`: judges that many mutants; `./mutate show NUMBER`: one of them.

use std::process::ExitCode;

use saml_mutants::differential;
use saml_mutants::judge::{Judge, Message};
use saml_mutants::report::Report;
use saml_mutants::run::{Verdict, judge, mutant, run};

const USAGE: &str = "usage: mutate [COUNT [FIRST]] | show NUMBER | emit COUNT [FIRST] | answer <QUESTIONS";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.replace(['_', ' '], "").parse::<u64>().ok();
    match arguments[..] {
        [] => many(0, 1_000_000),
        ["show", of] if number(of).is_some() => show(number(of).unwrap_or_default()),
        ["emit", count] => emit(0, number(count)),
        ["emit", count, first] => emit(number(first).unwrap_or_default(), number(count)),
        ["answer"] => {
            done(&differential::answer(&mut std::io::stdin().lock(), &mut std::io::stdout().lock()))
        }
        [count] if number(count).is_some() => many(0, number(count).unwrap_or_default()),
        [count, first] if number(count).is_some() && number(first).is_some() => {
            many(number(first).unwrap_or_default(), number(count).unwrap_or_default())
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn emit(first: u64, count: Option<u64>) -> ExitCode {
    let count = usize::try_from(count.unwrap_or_default()).unwrap_or_default();
    done(&differential::emit(first, count, &mut std::io::stdout().lock()))
}

fn done(outcome: &std::io::Result<()>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    ExitCode::FAILURE
}

/// On as many threads as there are cores; each takes numbers far from those of the others.
fn many(first: u64, count: u64) -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let each = (usize::try_from(count).unwrap_or(usize::MAX)).div_ceil(cores);
    let start = std::time::Instant::now();
    let threads: Vec<_> = (0..cores)
        .map(|core| std::thread::spawn(move || run(first + core as u64 * 10_000_000_000, each)))
        .collect();
    let mut report = Report::default();
    for thread in threads {
        match thread.join() {
            Ok(part) => report.merge(part),
            Err(_) => report.wrong.push("the harness itself panicked".to_owned()),
        }
    }
    println!("{}", report.text());
    println!("{} s on {cores} cores", start.elapsed().as_secs());
    if report.wrong.is_empty() && report.unused().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn show(number: u64) -> ExitCode {
    let Some(mutant) = mutant(number) else {
        println!("this number makes no mutant");
        return ExitCode::SUCCESS;
    };
    match &mutant.message {
        Message::Octets(octets) => println!("{}", String::from_utf8_lossy(octets)),
        Message::Form(form) => println!("{form}"),
    }
    let kind = if mutant.harmless { "harmless" } else { "hostile" };
    eprintln!("{kind}, of {} by {:?}, relaxed: {}", mutant.seed.name, mutant.operators, mutant.relaxed);
    match judge(&Judge::default(), &mutant) {
        Verdict::AsSigned => eprintln!("accepted as signed"),
        Verdict::Refused(code) => eprintln!("refused as {code}"),
        Verdict::Wrong(why) => eprintln!("WRONG: {why}"),
    }
    ExitCode::SUCCESS
}
