// SPDX-License-Identifier: Apache-2.0
/* @langchain/anthropic. */
import { ChatAnthropic } from "@langchain/anthropic";
import { main } from "./checks.mjs";
import { langchainDriver } from "./langchain_words.mjs";

await main(
    langchainDriver(
        "npm @langchain/anthropic",
        (url, maxRetries, { model, maxTokens }) =>
            new ChatAnthropic({
                model,
                maxTokens: maxTokens ?? 4000,
                maxRetries,
                anthropicApiKey: "sk-test",
                anthropicApiUrl: url,
            }),
        {
            /* it reads them at the start of a stream, when most others do not know them */
            cached: (back, inStream) => !inStream || back === "anthropic" || back === "gemini",
        },
    ),
);
