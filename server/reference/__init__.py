"""The reference pages at /docs: what stands in docs/, and the description of the REST calls, as plain HTML."""
