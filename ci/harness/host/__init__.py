# SPDX-License-Identifier: GPL-2.0-only
"""What the host must have, and what is fetched: tools, packages, the kernel source."""
