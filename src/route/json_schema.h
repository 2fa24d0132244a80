/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a JSON value fit a JSON schema? The words that schemas of structured answers and of tools
 * have: type (also a list, also in capitals, nullable), enum, const, properties, required,
 * additionalProperties, items, prefixItems, minItems, maxItems, minLength, maxLength, minimum,
 * maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minProperties, maxProperties, pattern,
 * allOf, anyOf, oneOf, not, $ref within the schema. Other words forbid nothing here. No recursion:
 * a stack of its own, bounded, and so are the steps; beyond them it is undecided. Any thread.
 */
#ifndef SLUICE_ROUTE_JSON_SCHEMA_H
#define SLUICE_ROUTE_JSON_SCHEMA_H

#include "codec/json.h"

enum schema_result { SCHEMA_FITS, SCHEMA_BROKEN, SCHEMA_UNDECIDED };

enum schema_result json_schema_fits(const struct json_doc *schemas, uint32_t schema,
                                    const struct json_doc *values, uint32_t value);

#endif
