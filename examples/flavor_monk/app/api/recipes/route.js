import { newest } from "../../../lib/store.js";

export const dynamic = "force-dynamic";

export async function GET() {
  return Response.json({ recipes: await newest() });
}
