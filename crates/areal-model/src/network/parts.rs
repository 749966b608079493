//! The parts of a network, and which parameter is in which.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

use super::Network;

/// A part of a network, from its input to its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Stem,
    /// A stage, from 1.
    Stage(usize),
    Head,
}

impl Part {
    /// The part of a tensor by its name in published weights.
    fn of(name: &str) -> Self {
        match name.strip_prefix("layer").and_then(|stage| stage.parse().ok()) {
            Some(stage) => Self::Stage(stage),
            None if name == "fc" => Self::Head,
            None => Self::Stem,
        }
    }
}

impl Network {
    /// The part of each parameter, by the number of the parameter.
    pub fn parts(&self) -> BTreeMap<u64, Part> {
        let mut collector = Collector { path: Vec::new(), parts: BTreeMap::new() };
        self.visit(&mut collector);
        collector.parts
    }
}

struct Collector {
    path: Vec<String>,
    parts: BTreeMap<u64, Part>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let part = Part::of(self.path.first().map_or("", String::as_str));
        self.parts.insert(param.id.val(), part);
    }
}
