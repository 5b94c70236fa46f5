export class Workspace {
  prefix = "/workspace/v3/notifications";
  agentOf() {}
  answer() {
    return { status: 404, body: {} };
  }
}
