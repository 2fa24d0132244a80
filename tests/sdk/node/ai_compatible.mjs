// SPDX-License-Identifier: Apache-2.0
/* ai with @ai-sdk/openai-compatible. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { aiDriver } from "./ai_words.mjs";
import { main } from "./checks.mjs";

await main(
    aiDriver("npm ai, openai-compatible", (url) =>
        createOpenAICompatible({
            name: "compatible",
            baseURL: `${url}/v1`,
            apiKey: "sk-test",
            includeUsage: true,
            supportsStructuredOutputs: true,
        }),
    ),
);
