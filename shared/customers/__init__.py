"""The customers behind the visitors: checked rows of the CRM, consent, exclusions, and the arms of a campaign."""
