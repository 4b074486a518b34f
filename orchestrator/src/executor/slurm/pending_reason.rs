//! Slurm's codes for why a job is pending, as its manual explains them.

/// The code in plain English, with the code itself.
pub(super) fn explain(code: &str) -> String {
    let explanation = match code {
        "None" | "" => return "Slurm has not considered it yet".to_owned(),
        "Priority" => "jobs of higher priority come first",
        "Resources" => "no node has enough free",
        "BeginTime" => "it may not start before a set time",
        "JobArrayTaskLimit" => "its array has reached its limit of running jobs",
        "JobHeldUser" => "its user holds it; `scontrol release` releases it",
        "JobHeldAdmin" => "an administrator holds it, or its start failed",
        "PartitionTimeLimit" => "the partition allows no such time; set a shorter `slurm.time`",
        "PartitionNodeLimit" => "the partition allows no such number of nodes",
        "PartitionDown" | "PartitionInactive" => "the partition starts no jobs now",
        "NodeDown" => "a node that it needs is down",
        "BadConstraints" => "no node has what it asks for; see `slurm.constraint` and `slurm.gres`",
        "Reservation" => "its reservation has not begun",
        "Licenses" => "a licence is missing",
        "AccountNotAllowed" | "InvalidAccount" => {
            "its account may not be used; set `slurm.account`"
        }
        "InvalidQOS" | "QOSNotAllowed" => "its quality of service may not be used; set `slurm.qos`",
        "DependencyNeverSatisfied" => "its dependency can never be satisfied",
        _ if code.starts_with("ReqNodeNotAvail") => "the nodes that it needs are down or reserved",
        _ if code.starts_with("QOS") => "its quality of service has reached a limit",
        _ if code.starts_with("Assoc") => "its account or user has reached a limit",
        _ => return format!("Slurm's reason is `{code}`"),
    };
    format!("{explanation} ({code})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explanations_keep_slurm_s_own_code() {
        for (code, explanation) in [
            ("Resources", "no node has enough free (Resources)"),
            (
                "QOSMaxJobsPerUserLimit",
                "its quality of service has reached a limit (QOSMaxJobsPerUserLimit)",
            ),
            ("Unheard_of", "Slurm's reason is `Unheard_of`"),
            ("None", "Slurm has not considered it yet"),
        ] {
            assert_eq!(explain(code), explanation);
        }
    }
}
