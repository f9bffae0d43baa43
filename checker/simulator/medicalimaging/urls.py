"""Where the service answers; moto looks for these two names."""

from __future__ import annotations

from .responses import MedicalImagingResponse

# image set calls carry the prefix "runtime-"; .api.aws is the dual-stack name
url_bases = [r"https?://(runtime-)?medical-imaging(-fips)?\.([^.]+)\.(amazonaws\.com|api\.aws)"]

# one pattern for all, because the action is found by method and path in botocore's model
url_paths = {"{0}/.*$": MedicalImagingResponse.dispatch}
