//! Building a graph node by node.

use super::proto::{Attribute, Dimension, Graph, Node, Shape, Size, TensorProto, TensorType, ValueInfo, ValueType};

/// A graph while it is built. Each operation gives the name of its result.
#[derive(Default)]
pub struct GraphBuilder {
    nodes: Vec<Node>,
    constants: Vec<TensorProto>,
}

/// A value of an attribute.
pub enum Value {
    Float(f32),
    Int(i64),
    Ints(Vec<i64>),
}

impl GraphBuilder {
    /// Adds an operation; its result has the name of the node.
    pub fn node(&mut self, operation: &str, name: &str, inputs: &[&str], attributes: Vec<(&str, Value)>) -> String {
        self.nodes.push(Node {
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: operation.to_owned(),
            attribute: attributes.into_iter().map(attribute).collect(),
        });
        name.to_owned()
    }

    /// Adds a constant of single precision.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, shape, TensorProto::FLOAT, raw_data)
    }

    /// Adds a constant of whole numbers, of one axis.
    pub fn ints(&mut self, name: &str, values: &[i64]) -> String {
        let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, &[values.len()], TensorProto::INT64, raw_data)
    }

    fn constant(&mut self, name: &str, shape: &[usize], data_type: i32, raw_data: Vec<u8>) -> String {
        let dims = shape.iter().map(|n| *n as i64).collect();
        self.constants.push(TensorProto { dims, data_type, name: name.to_owned(), raw_data });
        name.to_owned()
    }

    pub fn finish(self, name: &str, input: ValueInfo, output: ValueInfo) -> Graph {
        Graph {
            node: self.nodes,
            name: name.to_owned(),
            initializer: self.constants,
            input: vec![input],
            output: vec![output],
        }
    }
}

fn attribute((name, value): (&str, Value)) -> Attribute {
    let empty = Attribute { name: name.to_owned(), f: 0.0, i: 0, ints: Vec::new(), kind: 0 };
    match value {
        Value::Float(f) => Attribute { f, kind: Attribute::FLOAT, ..empty },
        Value::Int(i) => Attribute { i, kind: Attribute::INT, ..empty },
        Value::Ints(ints) => Attribute { ints, kind: Attribute::INTS, ..empty },
    }
}

/// An input or output of single precision: any number of patches, then these sizes.
pub fn of_patches(name: &str, sizes: &[usize], doc_string: String) -> ValueInfo {
    let batch = Dimension { size: Some(Size::Name("batch".to_owned())) };
    let fixed = sizes.iter().map(|n| Dimension { size: Some(Size::Value(*n as i64)) });
    let shape = Shape { dim: std::iter::once(batch).chain(fixed).collect() };
    let tensor_type = Some(TensorType { elem_type: TensorProto::FLOAT, shape: Some(shape) });
    ValueInfo { name: name.to_owned(), kind: Some(ValueType { tensor_type }), doc_string }
}
