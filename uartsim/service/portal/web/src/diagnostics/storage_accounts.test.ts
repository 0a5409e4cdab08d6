import assert from "node:assert/strict";
import { test } from "node:test";
import { whyNoConsole, type StorageAccount } from "./storage_accounts";

const account = (properties: StorageAccount["properties"]): StorageAccount => ({ id: "/a", name: "a", location: "", properties });

test("a firewall and hierarchical namespaces stand in the way, and nothing else does", () => {
  assert.match(whyNoConsole(account({ isHnsEnabled: true })) ?? "", /hierarchical namespaces/);
  assert.match(whyNoConsole(account({ networkAcls: { defaultAction: "Deny" } })) ?? "", /firewalls/);
  assert.match(whyNoConsole(account({ publicNetworkAccess: "Disabled" })) ?? "", /firewalls/);
  assert.equal(whyNoConsole(account({ isHnsEnabled: false, networkAcls: { defaultAction: "Allow" }, publicNetworkAccess: "Enabled" })), null);
  assert.equal(whyNoConsole(account({})), null);
});
