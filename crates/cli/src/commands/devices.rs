//! `areal devices`: where networks can run.

use areal_model::devices;
use clap::Args;

use crate::columns::aligned;
use crate::context::Context;
use crate::errors::{CliError, Exit};

/// List the devices that networks can run on, by the names that --device takes.
///
/// Every build runs on the CPU (cpu). A build with the feature gpu also runs on GPUs through Vulkan. A build with the
/// feature cuda also runs on NVIDIA GPUs.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example:\n  areal devices --json")]
pub struct Options {
    /// Print the list as JSON.
    #[arg(long)]
    pub json: bool,
}

#[expect(clippy::needless_pass_by_value, reason = "every command is called in the same way")]
pub fn run(options: Options, _context: &Context) -> Result<(), CliError> {
    let found = devices();
    if options.json {
        let text = serde_json::to_string_pretty(&found).map_err(|e| CliError::from_source(Exit::Failure, &e))?;
        outln!("{text}");
        return Ok(());
    }
    let mut table = vec![["device", "kind", "name", "driver", "largest tensor"].map(str::to_owned).to_vec()];
    table.extend(found.into_iter().map(|device| {
        let dash = || "-".to_owned();
        vec![
            device.choice.to_string(),
            device.kind.to_string(),
            device.name,
            device.driver.unwrap_or_else(dash),
            device.max_tensor_bytes.map_or_else(dash, |b| format!("{:.1} GB", b as f64 / 1e9)),
        ]
    }));
    for line in aligned(&table, |column| column == 4) {
        outln!("{line}");
    }
    Ok(())
}
