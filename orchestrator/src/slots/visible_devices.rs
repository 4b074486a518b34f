//! An inherited `CUDA_VISIBLE_DEVICES`, which confines this process to some of the machine's GPUs.

use super::inventory::Gpu;

/// The GPUs of `all` (in PCI order) that `mask` makes visible, and a note if it hides some.
///
/// Parsed as by CUDA: indices and UUIDs or prefixes of them, separated by commas, up to the first
/// that does not name a GPU; an empty mask hides everything. Indices count in PCI order, as batch
/// systems set them.
pub(super) fn apply(all: Vec<Gpu>, mask: Option<&str>) -> (Vec<Gpu>, Option<String>) {
    let Some(mask) = mask else { return (all, None) };
    let mut visible: Vec<Gpu> = Vec::new();
    for entry in mask.split(',').map(str::trim) {
        match find(&all, entry) {
            Some(gpu) if !visible.contains(gpu) => visible.push(gpu.clone()),
            _ => break,
        }
    }
    let hidden = all.len() - visible.len();
    let note = (hidden > 0).then(|| format!("`CUDA_VISIBLE_DEVICES={mask}` hides {hidden} more"));
    (visible, note)
}

fn find<'a>(all: &'a [Gpu], entry: &str) -> Option<&'a Gpu> {
    if let Ok(index) = entry.parse::<usize>() {
        return all.get(index);
    }
    let mut matches = all.iter().filter(|gpu| entry.len() > 4 && gpu.uuid.starts_with(entry));
    // An ambiguous prefix does not name a GPU.
    matches.next().filter(|_| matches.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visible(mask: Option<&str>) -> String {
        let gpu = |uuid: &str| Gpu { uuid: uuid.to_owned(), ..Gpu::default() };
        let all = ["GPU-a1", "GPU-a2", "GPU-b3"].map(gpu).to_vec();
        let (gpus, _) = apply(all, mask);
        gpus.iter().map(|gpu| &gpu.uuid[4..]).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_mask_is_read_as_cuda_reads_it() {
        // The rules are those of the CUDA C++ Programming Guide, "CUDA Environment Variables".
        assert_eq!(visible(None), "a1 a2 b3");
        assert_eq!(visible(Some("")), "");
        assert_eq!(visible(Some("2,0")), "b3 a1");
        assert_eq!(visible(Some("0,-1,1")), "a1");
        assert_eq!(visible(Some("7,0")), "");
        assert_eq!(visible(Some("GPU-b, GPU-a1")), "b3 a1");
        assert_eq!(visible(Some("GPU-a")), "");
        assert_eq!(visible(Some("1,NoDevFiles")), "a2");
    }

    #[test]
    fn a_mask_that_hides_something_says_so() {
        let gpu = Gpu { uuid: "GPU-a".to_owned(), ..Gpu::default() };
        let (_, note) = apply(vec![gpu.clone()], Some(""));
        assert_eq!(note.as_deref(), Some("`CUDA_VISIBLE_DEVICES=` hides 1 more"));
        assert_eq!(apply(vec![gpu], Some("0")).1, None);
    }
}
