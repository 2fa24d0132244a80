/* SPDX-License-Identifier: Apache-2.0 */
/* How well forecasts were, as JSON: for the HTTP API and `sluice report --calibration --json`. */
#ifndef SLUICE_GATEWAY_CALIBRATION_JSON_H
#define SLUICE_GATEWAY_CALIBRATION_JSON_H

#include "base/buf.h"
#include "store/calibration.h"

void json_write_calibration(const struct calibration *report, int64_t since_s, struct buf *out);

#endif
