//! `areal devices`: where networks can run.

use areal_model::devices;
use clap::Args;

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
    outln!("{:<8} name", "device");
    for device in found {
        outln!("{:<8} {}", device.choice.to_string(), device.name);
    }
    Ok(())
}
