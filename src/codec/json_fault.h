/* SPDX-License-Identifier: Apache-2.0 */
/* What a failed parse says of the place where it stopped. Private to the JSON reader. */
#ifndef SLUICE_CODEC_JSON_FAULT_H
#define SLUICE_CODEC_JSON_FAULT_H

#include "base/error.h"
#include "base/slice.h"

enum json_fault {
    JSON_FAULT_VALUE, /* something else stands where a value must */
    JSON_FAULT_NUMBER,
    JSON_FAULT_STRING, /* at: its opening quote */
    JSON_FAULT_KEY,
    JSON_FAULT_COLON,
    JSON_FAULT_ARRAY_REST,
    JSON_FAULT_OBJECT_REST,
    JSON_FAULT_TRAILING,
    JSON_FAULT_DEPTH,
    JSON_FAULT_NODES,
    JSON_FAULT_LENGTH,
    JSON_FAULT_MEMORY,
};

/* Fills in *error for a fault at byte `at` of the text; finds the exact place and reason inside
   strings and numbers. Returns false. */
bool json_fault_set(struct error *error, enum json_fault fault, struct slice text, size_t at);

#endif
