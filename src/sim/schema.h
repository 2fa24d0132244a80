/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value that fits a JSON schema, made up: enough of the schema language for tools and structured
 * answers (type, properties, items, enum, const; the first of anyOf and oneOf). Nested at most
 * SIM_SCHEMA_DEPTH levels, then null.
 */
#ifndef SLUICE_SIM_SCHEMA_H
#define SLUICE_SIM_SCHEMA_H

#include "base/random.h"
#include "codec/json.h"
#include "codec/json_write.h"

#define SIM_SCHEMA_DEPTH 8

/* Appends the value; an absent schema gives an object with one text. */
void sim_schema_value(struct json_writer *w, const struct json_doc *doc, uint32_t schema,
                      struct random *random);

#endif
