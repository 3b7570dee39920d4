//! Writes families of metrics one by one.

use std::fmt;

use castmq_observe::Histogram;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, EncodeMetric, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Labels with their values.
type Labels<'s, const N: usize> = [(&'s str, &'s str); N];

/// Where families are written.
pub(super) struct Out<'a, 'e>(pub(super) &'a mut DescriptorEncoder<'e>);

impl Out<'_, '_> {
    /// What only grows; its name gets `_total`.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        ConstCounter::new(value).encode(self.family(name, help, MetricType::Counter)?)
    }

    /// A counter for each combination of values of its labels.
    pub(super) fn counters<'s, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels<'s, N>, u64)>,
    ) -> fmt::Result {
        let mut family = self.family(name, help, MetricType::Counter)?;
        for (labels, value) in rows {
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// What goes up and down.
    pub(super) fn gauge<V>(&mut self, name: &str, help: &str, value: V) -> fmt::Result
    where
        ConstGauge<V>: EncodeMetric,
        V: EncodeGaugeValue,
    {
        ConstGauge::new(value).encode(self.family(name, help, MetricType::Gauge)?)
    }

    /// A gauge for each combination of values of its labels.
    pub(super) fn gauges<'s, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels<'s, N>, f64)>,
    ) -> fmt::Result {
        let mut family = self.family(name, help, MetricType::Gauge)?;
        for (labels, value) in rows {
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// How long something took, in seconds.
    pub(super) fn histogram(&mut self, name: &str, help: &str, of: &Histogram) -> fmt::Result {
        let buckets: Vec<(f64, u64)> = of
            .buckets()
            .map(|(bound, count)| {
                (
                    bound.map_or(f64::INFINITY, |bound| bound.as_secs_f64()),
                    count,
                )
            })
            .collect();
        let sum = of.sum().as_secs_f64();
        let mut family = self.family(name, help, MetricType::Histogram)?;
        family.encode_histogram::<NoLabelSet>(sum, of.count(), &buckets, None)
    }

    /// A gauge that is always 1 and tells something by its labels.
    pub(super) fn info<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: &Labels<'_, N>,
    ) -> fmt::Result {
        self.gauges(&format!("{name}_info"), help, [(*labels, 1.0)])
    }

    fn family<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }
}
