/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialects, once: their numbers and their rows (enum dialect_id, dialect.c), and what a
 * provider can speak (enum provider_dialect) come from here. New ones go to the end. What a dialect
 * is stands in dialect/dialect.h.
 */
#ifndef SLUICE_MODEL_DIALECT_LIST_H
#define SLUICE_MODEL_DIALECT_LIST_H

/*    symbol              row */
#define DIALECT_LIST(X)                                                                            \
    X(OPENAI_CHAT, openai_chat)                                                                    \
    X(OPENAI_COMPLETIONS, openai_completions)                                                      \
    X(OLLAMA, ollama)                                                                              \
    X(OPENAI_RESPONSES, openai_responses)                                                          \
    X(OPENAI_EMBEDDINGS, openai_embeddings)                                                        \
    X(ANTHROPIC, anthropic)                                                                        \
    X(GEMINI, gemini)                                                                              \
    X(BEDROCK, bedrock)                                                                            \
    X(VERTEX, vertex)

#endif
