//! Time to a threshold, censored at the end of the run.

use super::student::Estimate;

/// How many values had been seen when the mean of the last `window` of them first reached `threshold`; `None` where
/// it never did.
pub fn first_passage(values: &[f64], window: usize, threshold: f64) -> Option<usize> {
    let mut sums = vec![0.0];
    for value in values {
        sums.push(sums[sums.len() - 1] + value);
    }
    (window.max(1)..sums.len()).find(|&seen| sums[seen] - sums[seen - window] >= threshold * window as f64)
}

/// The mean of min(time, `horizon`) with its t interval, which ends at the horizon at the latest: the restricted mean.
/// `None` is a time beyond the horizon.
///
/// All times are censored at one horizon, so the restricted mean (the area under the Kaplan–Meier curve up to
/// there) is a plain mean.
pub fn restricted_mean(times: &[Option<usize>], horizon: usize) -> Option<Estimate> {
    let restricted: Vec<f64> = times.iter().map(|time| time.unwrap_or(horizon).min(horizon) as f64).collect();
    let mut estimate = Estimate::of_mean(&restricted)?;
    estimate.ci95 = estimate.ci95.map(|(low, high)| (low.max(0.0), high.min(horizon as f64)));
    Some(estimate)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The means of the last two of 0, 10, 0, 20, 30 are 5, 5, 10, 25: 10 is first reached with the fourth value.
    #[test]
    fn passage_of_a_running_mean() {
        let values = [0.0, 10.0, 0.0, 20.0, 30.0];
        assert_eq!(first_passage(&values, 2, 10.0), Some(4));
        assert_eq!(first_passage(&values, 1, 10.0), Some(2));
        assert_eq!(first_passage(&values, 2, 26.0), None);
        assert_eq!(first_passage(&values[..1], 2, 0.0), None);
    }

    /// Times 100, 200 and two beyond 300: (100 + 200 + 300 + 300) / 4.
    #[test]
    fn restricted_mean_by_hand() {
        let estimate = restricted_mean(&[Some(100), None, Some(200), None], 300).unwrap();
        assert_eq!((estimate.point, estimate.seeds), (225.0, 4));
        // ± 3.18 standard errors of 47.9 would be 72.6 to 377.
        let (low, high) = estimate.ci95.unwrap();
        assert!((low - 72.6).abs() < 0.1 && high == 300.0, "{low} {high}");
        let all_censored = restricted_mean(&[None, None], 300).unwrap();
        assert_eq!(all_censored.ci95, Some((300.0, 300.0)));
    }
}
