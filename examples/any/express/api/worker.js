const { createClient } = require("@redis/client");

const redis = createClient({ url: process.env.REDIS_URL });
redis.on("error", (fault) => console.error(`redis: ${fault.message}`));

async function work() {
  await redis.connect();
  for (;;) if (await redis.brPop("jobs", 0)) await redis.incr("done");
}

work();
