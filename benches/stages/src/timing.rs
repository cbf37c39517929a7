//! Microseconds of one piece of work.

const BATCHES: usize = 7;

/// The median over batches, each of as many repetitions as take about `batch` microseconds.
pub(crate) fn median(work: &mut dyn FnMut(), now: &dyn Fn() -> f64, batch: f64) -> f64 {
    let mut repetitions = 1_u32;
    loop {
        let took = timed(work, now, repetitions);
        if took >= batch / 2.0 {
            break;
        }
        // The clock of a Wasm host may be coarse.
        repetitions = repetitions.saturating_mul(if took < batch / 16.0 { 8 } else { 2 });
    }
    let mut batches: Vec<f64> =
        (0..BATCHES).map(|_| timed(work, now, repetitions) / f64::from(repetitions)).collect();
    batches.sort_by(f64::total_cmp);
    batches[BATCHES / 2]
}

fn timed(work: &mut dyn FnMut(), now: &dyn Fn() -> f64, repetitions: u32) -> f64 {
    let began = now();
    for _ in 0..repetitions {
        work();
    }
    now() - began
}
