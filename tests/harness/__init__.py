# SPDX-License-Identifier: Apache-2.0
"""What the scenario, crash, soak and bench scripts share. Standard library only."""
