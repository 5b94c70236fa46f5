"""The judgement of a driven run against its recording."""
