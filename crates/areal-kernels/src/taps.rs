//! Which kernel taps fall inside a map, for each target position along one axis.

/// One kernel position that falls inside the map, along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AxisTap {
    /// Index in the kernel.
    pub kernel: usize,
    /// Index in the source map.
    pub source: usize,
}

/// For each target index along one axis, the taps that contribute to it, in the order of the kernel.
pub type AxisTaps = Vec<Vec<AxisTap>>;

/// Taps of a convolution: target `o` reads source `o * stride + k * dilation - padding`.
pub fn forward(targets: usize, sources: usize, kernel: usize, [stride, padding, dilation]: [usize; 3]) -> AxisTaps {
    let tap = |o: usize, k: usize| {
        let source = (o * stride + k * dilation).checked_sub(padding)?;
        (source < sources).then_some(AxisTap { kernel: k, source })
    };
    (0..targets).map(|o| (0..kernel).filter_map(|k| tap(o, k)).collect()).collect()
}

/// Taps of the gradient by the input: target `i` reads source `o` where `o * stride + k * dilation - padding = i`.
pub fn backward(targets: usize, sources: usize, kernel: usize, [stride, padding, dilation]: [usize; 3]) -> AxisTaps {
    let tap = |i: usize, k: usize| {
        let reach = (i + padding).checked_sub(k * dilation)?;
        let source = reach / stride;
        (reach % stride == 0 && source < sources).then_some(AxisTap { kernel: k, source })
    };
    (0..targets).map(|i| (0..kernel).filter_map(|k| tap(i, k)).collect()).collect()
}

/// Consecutive targets whose taps are the same but for a constant step of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TapRun {
    /// First target.
    pub start: usize,
    /// Number of targets.
    pub len: usize,
    /// Step of the source from one target to the next; 1 where `len` is 1.
    pub step: usize,
}

/// Splits the targets of an axis into runs.
pub fn runs(taps: &AxisTaps) -> Vec<TapRun> {
    let mut runs: Vec<TapRun> = Vec::new();
    for (at, here) in taps.iter().enumerate() {
        if let Some(last) = runs.last_mut() {
            let step = step_between(&taps[at - 1], here);
            if step.is_some_and(|s| last.len == 1 || s == last.step) {
                last.step = step.unwrap_or(1);
                last.len += 1;
                continue;
            }
        }
        runs.push(TapRun { start: at, len: 1, step: 1 });
    }
    runs
}

/// Targets of one task at most, where a row is longer.
const SPAN: usize = 512;

/// The taps of the columns of a map, and the runs of them that share theirs.
#[derive(Debug, Clone)]
pub struct Columns {
    /// Taps of each target column.
    pub taps: AxisTaps,
    /// Runs of target columns, for each task of a row.
    pub spans: Vec<Vec<TapRun>>,
}

impl Columns {
    /// Cuts rows into tasks.
    pub fn new(taps: AxisTaps) -> Self {
        let mut spans: Vec<Vec<TapRun>> = Vec::new();
        let mut targets = SPAN;
        for run in runs(&taps) {
            for start in (0..run.len).step_by(SPAN) {
                let len = SPAN.min(run.len - start);
                let piece = TapRun { start: run.start + start, len, step: if len == 1 { 1 } else { run.step } };
                targets += len;
                match spans.last_mut() {
                    Some(span) if targets <= SPAN => span.push(piece),
                    _ => {
                        spans.push(vec![piece]);
                        targets = len;
                    }
                }
            }
        }
        Self { taps, spans }
    }
}

fn step_between(a: &[AxisTap], b: &[AxisTap]) -> Option<usize> {
    let step = b.first()?.source.checked_sub(a.first()?.source)?;
    let same = a.len() == b.len()
        && step > 0
        && a.iter().zip(b).all(|(p, q)| p.kernel == q.kernel && p.source + step == q.source);
    same.then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_padded_three_tap_kernel_loses_its_outer_taps() {
        let taps = forward(4, 4, 3, [1, 1, 1]);
        let lens: Vec<usize> = taps.iter().map(Vec::len).collect();
        assert_eq!(lens, [2, 3, 3, 2]);
        assert_eq!(taps[0][0], AxisTap { kernel: 1, source: 0 });
        let expected = [(0, 1, 1), (1, 2, 1), (3, 1, 1)];
        assert_eq!(runs(&taps).iter().map(|r| (r.start, r.len, r.step)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn long_rows_are_cut_into_tasks() {
        // 1 column at either border, 1298 between them.
        let columns = Columns::new(forward(1300, 1300, 3, [1, 1, 1]));
        let spans: Vec<Vec<[usize; 2]>> =
            columns.spans.iter().map(|span| span.iter().map(|run| [run.start, run.len]).collect()).collect();
        assert_eq!(spans, [vec![[0, 1]], vec![[1, 512]], vec![[513, 512]], vec![[1025, 274], [1299, 1]]]);
        let short = Columns::new(forward(16, 16, 3, [1, 1, 1]));
        assert_eq!(short.spans.len(), 1);
    }

    #[test]
    fn a_strided_run_steps_by_the_stride() {
        let taps = forward(4, 8, 3, [2, 1, 1]);
        assert_eq!(runs(&taps), [TapRun { start: 0, len: 1, step: 1 }, TapRun { start: 1, len: 3, step: 2 }]);
    }
}
