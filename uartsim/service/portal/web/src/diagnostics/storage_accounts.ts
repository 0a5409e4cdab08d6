/** Storage accounts for boot diagnostics, and why the serial console cannot work with one. */
import type { Arm } from "../azure/arm";

const STORAGE_API = "2023-01-01";

export interface StorageAccount {
  readonly id: string;
  readonly name: string;
  readonly location: string;
  readonly properties: {
    readonly isHnsEnabled?: boolean;
    readonly publicNetworkAccess?: string;
    readonly networkAcls?: { readonly defaultAction?: string };
  };
}

export function listAccounts(arm: Arm, subscriptionId: string, signal?: AbortSignal): Promise<StorageAccount[]> {
  return arm.list<StorageAccount>(`/subscriptions/${subscriptionId}/providers/Microsoft.Storage/storageAccounts`, STORAGE_API, signal);
}

/** The documents' words on an account that the serial console cannot work with; null for one that will do. */
export function whyNoConsole(account: StorageAccount): string | null {
  const { isHnsEnabled, publicNetworkAccess, networkAcls } = account.properties;
  if (isHnsEnabled === true) {
    return "Serial console does not work with a storage account using Azure Data Lake Storage Gen2 with hierarchical namespaces. This option can only be set upon storage account creation: choose another account.";
  }
  const isClosed = networkAcls?.defaultAction?.toLowerCase() === "deny" || publicNetworkAccess?.toLowerCase() === "disabled";
  return isClosed
    ? "Serial console by design cannot work with storage account firewalls enabled on the boot diagnostics storage account. Open its firewall, or choose another account."
    : null;
}

/** The address that a machine's `storageUri` has for an account. */
export function storageUriOf(account: StorageAccount): string {
  return `https://${account.name}.blob.core.windows.net/`;
}
