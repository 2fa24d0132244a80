/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/demo_fleet.h"

#include <stdio.h>

/* The workloads are part of the program: it must run anywhere. */
__asm__(".section .rodata\n"
        ".balign 16\n"
        "demo_mixed_begin: .incbin \"data/workload/mixed.jsonl\"\n"
        "demo_mixed_end: .byte 0\n"
        "demo_coding_begin: .incbin \"data/workload/coding_day.jsonl\"\n"
        "demo_coding_end: .byte 0\n"
        ".balign 8\n"
        ".global demo_mixed_size\n"
        "demo_mixed_size: .quad demo_mixed_end - demo_mixed_begin\n"
        ".previous\n");

static const struct demo_target mixed_targets[] = {
    {.name = "llama", .title = "Llama 2, local", .provider = "ollama", .model = "llama2", .latency_ms = 150},
    {.name = "haiku", .title = "Claude 3 Haiku, OpenRouter", .provider = "openrouter",
     .model = "anthropic/claude-3-haiku", .price_in = "0.80", .price_out = "0.80", .latency_ms = 250},
    {.name = "gpt4", .title = "GPT-4, OpenRouter", .provider = "openrouter", .model = "openai/gpt-4",
     .price_in = "15", .price_out = "15", .latency_ms = 300},
    {.name = "gpt4d", .title = "GPT-4, direct", .provider = "openai", .model = "gpt-4", .price_in = "30",
     .price_out = "30", .latency_ms = 250},
};

static const struct demo_target coding_targets[] = {
    {.name = "flash", .title = "DeepSeek V4 Flash", .provider = "deepseek", .model = "deepseek-v4-flash",
     .price_in = "0.10", .price_out = "0.20", .latency_ms = 300},
    {.name = "opus", .title = "Claude Opus 4.8", .provider = "openrouter", .model = "anthropic/claude-opus-4.8",
     .price_in = "5", .price_out = "25", .latency_ms = 900},
};
