// SPDX-License-Identifier: Apache-2.0
/* @langchain/openai. */
import { ChatOpenAI } from "@langchain/openai";
import { main } from "./checks.mjs";
import { langchainDriver } from "./langchain_words.mjs";

await main(
    langchainDriver(
        "npm @langchain/openai",
        (url, maxRetries, { model, maxTokens }) =>
            new ChatOpenAI({
                model,
                maxTokens,
                maxRetries,
                apiKey: "sk-test",
                streamUsage: true,
                configuration: { baseURL: `${url}/v1` },
            }),
    ),
);
