// Decides by Cedar's own build for Node, one batch a line: a schema, then sets of policies with their requests.
"use strict";
const cedar = require("@cedar-policy/cedar-wasm/nodejs");
const lines = require("node:readline").createInterface({ input: process.stdin });

function sound(answer, what) {
  if (answer.type !== "success") throw new Error(`${what}: ${JSON.stringify(answer)}`);
  return answer;
}

function decided(request) {
  const call = { ...request, preparsedSchemaName: "schema", validateRequest: true, preparsedPolicySetId: "policies" };
  const { decision, diagnostics } = sound(cedar.statefulIsAuthorized(call), "request").response;
  const errors = diagnostics.errors.map((error) => error.policyId);
  return { allowed: decision === "allow", reasons: diagnostics.reason.sort(), errors: errors.sort() };
}

lines.on("line", (line) => {
  const batch = JSON.parse(line);
  if (batch.schema) sound(cedar.preparseSchema("schema", batch.schema), "schema");
  const answers = batch.sets.map((policies) => {
    sound(cedar.preparsePolicySet("policies", { staticPolicies: policies }), "policies");
    return batch.requests.map(decided);
  });
  process.stdout.write(`${JSON.stringify(answers)}\n`);
});
