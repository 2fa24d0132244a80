/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of a call towards dialects whose calls carry an object, not a text (Anthropic, Bedrock,
 * Ollama): models write arguments that are empty or no JSON, and clients send them back.
 */
#ifndef SLUICE_DIALECT_TOOL_ARGUMENTS_H
#define SLUICE_DIALECT_TOOL_ARGUMENTS_H

#include "codec/json_write.h"
#include "model/chat.h"

/* Writes the value (after its key) as an object: none is {}, free text of a custom tool is its one
 * member (tool_name.h), text that is no object becomes the member "arguments". False: that last
 * case, which is a loss to be told. What does not fit fails the writer's buffer. */
bool tool_arguments_write(struct json_writer *json, const struct chat_part *part);

#endif
