const express = require("express");
const { createClient } = require("@redis/client");

const redis = createClient({ url: process.env.REDIS_URL });
redis.on("error", (fault) => console.error(`redis: ${fault.message}`));
const app = express();
app.use(express.json());

app.get("/", async (request, response) => response.json({ done: Number(await redis.get("done")) }));
app.post("/jobs", async (request, response) => {
  await redis.lPush("jobs", JSON.stringify(request.body));
  response.status(202).end();
});
app.get("/health", async (request, response) => response.json({ redis: await redis.ping() }));

redis.connect().then(() => app.listen(process.env.PORT || 3000));
