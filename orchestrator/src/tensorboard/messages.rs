//! The few fields of TensorFlow's `event.proto`, `summary.proto` and `tensor.proto` that a scalar needs;
//! all others are skipped.

use prost::Message;

/// One event. Its step and time are those of all values in its summary.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    /// Seconds since the Unix epoch. Optional here, so that a zero is written, too.
    #[prost(double, optional, tag = "1")]
    pub(crate) wall_time: Option<f64>,
    #[prost(int64, tag = "2")]
    pub(crate) step: i64,
    /// Only in a file's first event.
    #[prost(string, optional, tag = "3")]
    pub(crate) file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub(crate) summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub(crate) values: Vec<SummaryValue>,
}

/// `Summary.Value`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SummaryValue {
    /// Text, which not every writer encodes as UTF-8.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) tag: Vec<u8>,
    #[prost(float, optional, tag = "2")]
    pub(crate) simple_value: Option<f32>,
    #[prost(message, optional, tag = "8")]
    pub(crate) tensor: Option<Tensor>,
    #[prost(message, optional, tag = "9")]
    pub(crate) metadata: Option<Metadata>,
}

/// `SummaryMetadata`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Metadata {
    #[prost(message, optional, tag = "1")]
    pub(crate) plugin_data: Option<PluginData>,
}

/// `SummaryMetadata.PluginData`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PluginData {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) plugin_name: Vec<u8>,
}

/// `TensorProto`. Its numbers are in `content`, or in the list for their type.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Tensor {
    /// `DataType` of `types.proto`: 1 for `DT_FLOAT`, 2 for `DT_DOUBLE`.
    #[prost(int32, tag = "1")]
    pub(crate) dtype: i32,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) content: Vec<u8>,
    #[prost(float, repeated, tag = "5")]
    pub(crate) floats: Vec<f32>,
    #[prost(double, repeated, tag = "6")]
    pub(crate) doubles: Vec<f64>,
}
