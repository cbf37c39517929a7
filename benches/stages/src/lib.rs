//! What each stage of the filter costs, over the size of its input: the same code natively and in Wasm.

mod stages;
mod timing;
#[cfg(target_arch = "wasm32")]
mod wasm;

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Runs all stages on prepared inputs (`{stage: {size: input}}`, as `benches/proxy/stages.py` makes them); `now` is a
/// clock in microseconds. Gives `{stage: {size: microseconds}}`.
pub fn run(inputs: &str, now: &dyn Fn() -> f64) -> String {
    let inputs: Value = serde_json::from_str(inputs).expect("inputs are JSON");
    let batch = inputs["batch_microseconds"].as_f64().expect("the length of a batch");
    let mut results: BTreeMap<&str, Value> = BTreeMap::new();
    for (name, prepare) in stages::ALL {
        let mut sizes = serde_json::Map::new();
        for (size, input) in inputs["stages"][name].as_object().expect("inputs for every stage") {
            let mut work = prepare(input, &inputs);
            sizes.insert(size.clone(), json!(timing::median(&mut *work, now, batch)));
        }
        results.insert(name, Value::Object(sizes));
    }
    serde_json::to_string(&results).expect("plain numbers")
}
