/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CLASSIFY: the operator's own classifier, an HTTP endpoint on loopback or a target asked with a
 * fixed prompt. It is time-boxed; whatever goes wrong, the built-in rules' result stands. What a
 * target charges for it belongs to the call.
 *
 * Endpoint: POST {"text": "...", "tools": N} -> {"task": "code_fix", "complexity": 0.4}; complexity
 * may be left out.
 */
#ifndef SLUICE_GATEWAY_CLASSIFIER_H
#define SLUICE_GATEWAY_CLASSIFIER_H

#include "gateway/call.h"

/* No callback of an endpoint comes after it. (Of a target: question.h.) */
void classifier_cancel(struct call *call);

#endif
