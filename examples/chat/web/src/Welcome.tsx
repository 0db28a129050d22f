import { useClient, useConnection } from "@psd/client/react";
import { useState } from "react";
import { LoginToken } from "@psd/client/common";

import { Banner } from "./Banner";
import { Field } from "./Field";
import { Icon } from "./Icon";
import { sentence } from "./format";
import { SignUp } from "./messages";

/** The shortest password that the server takes, so that nobody has to ask it first. */
const SHORTEST_PASSWORD = 8;

/** Sign in, or make an account. */
export function Welcome({ wasSignedOut }: { wasSignedOut: boolean }) {
  const client = useClient();
  const isOpen = useConnection().status === "open";
  const [isNew, setIsNew] = useState(false);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<{ of: "name" | "password"; text: string }>();
  const [isBusy, setIsBusy] = useState(false);

  const enter = async () => {
    const tidy = name.trim();
    if (!tidy) return setProblem({ of: "name", text: "Please type a name." });
    if (isNew && password.length < SHORTEST_PASSWORD) {
      return setProblem({ of: "password", text: `Please take at least ${SHORTEST_PASSWORD} characters.` });
    }
    if (!password) return setProblem({ of: "password", text: "Please type your password." });
    setProblem(undefined);
    setIsBusy(true);
    try {
      if (isNew) {
        const tokens = await client.fetch(SignUp, { username: tidy, password }, LoginToken);
        await client.auth.setTokens(tokens);
      } else {
        await client.auth.login(tidy, password);
      }
    } catch (error) {
      setProblem({ of: isNew ? "name" : "password", text: sentence(error) });
      setIsBusy(false);
    }
  };
  const problemOf = (field: "name" | "password") => (problem?.of === field ? { problem: problem.text } : {});

  return (
    <main id="welcome">
      <Banner />
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void enter();
        }}
      >
        <div className="mark">
          <Icon name="chat" />
        </div>
        <div>
          <h1>{isNew ? "Make an account" : "Come in and chat"}</h1>
          <p className="lead">
            {wasSignedOut && !isNew ? "You are signed out: please sign in again." : "Rooms, what was said in them, and who is here."}
          </p>
        </div>
        <Field
          label="Name"
          name="username"
          maxLength={30}
          autoComplete="username"
          autoCapitalize="words"
          spellCheck={false}
          autoFocus
          value={name}
          onChange={(event) => setName(event.target.value)}
          {...problemOf("name")}
        />
        <Field
          label="Password"
          name="password"
          type="password"
          maxLength={200}
          autoComplete={isNew ? "new-password" : "current-password"}
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          {...problemOf("password")}
        />
        <button className="primary" disabled={!isOpen || isBusy}>
          {isNew ? "Make the account" : "Sign in"}
        </button>
        <p className="hint">
          {isNew ? "You have one already? " : "You are new here? "}
          <button
            type="button"
            className="link"
            onClick={() => {
              setIsNew(!isNew);
              setProblem(undefined);
            }}
          >
            {isNew ? "Sign in" : "Make an account"}
          </button>
        </p>
      </form>
    </main>
  );
}
