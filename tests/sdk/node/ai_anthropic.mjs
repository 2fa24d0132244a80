// SPDX-License-Identifier: Apache-2.0
/* ai with @ai-sdk/anthropic. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { aiDriver } from "./ai_words.mjs";
import { main } from "./checks.mjs";

await main(
    aiDriver("npm ai, anthropic", (url) =>
        createAnthropic({ baseURL: `${url}/v1`, apiKey: "sk-test" }),
    ),
);
