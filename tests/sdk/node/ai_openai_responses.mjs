// SPDX-License-Identifier: Apache-2.0
/* ai with @ai-sdk/openai as it is by default: responses. */
import { createOpenAI } from "@ai-sdk/openai";
import { aiDriver } from "./ai_words.mjs";
import { main } from "./checks.mjs";

await main(
    aiDriver("npm ai, openai responses", (url) =>
        createOpenAI({ baseURL: `${url}/v1`, apiKey: "sk-test" }),
    ),
);
