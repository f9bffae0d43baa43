// What two programs that show JUnit make of files, as JSON: node read.mjs FILE...
// A program's reading is a list of cases, each with what it shows of it; or the error in its place.
import { parse } from 'test-results-parser'
import files from 'xunit-viewer/src/cli/get-files.js'
import suites from 'xunit-viewer/src/cli/get-suites.js'

const asText = text => text
const logger = { warning: asText, file: asText, error: asText }

function resultsParser(file) {
  const result = parse({ type: 'junit', files: [file] })
  const { total, passed, failed, errors, skipped } = result
  const cases = result.suites.flatMap(suite => suite.cases.map(item => ({
    suite: suite.name, name: item.name, state: item.status, message: item.failure, body: item.stack_trace
  })))
  return { counts: { total, passed, failed, errors, skipped }, cases }
}

async function viewer(file) {
  const report = await suites(logger, await files(logger, { results: file }))
  const cases = Object.values(report.suites).flatMap(suite => Object.values(suite.tests).map(item => ({
    suite: suite.name, name: item.name, state: item.status, texts: item.messages
  })))
  return { cases }
}

const written = console.log
console.log = text => { throw new Error(text) } // where xunit-viewer tells that it could not read a file
const read = {}
for (const file of process.argv.slice(2)) {
  read[file] = {}
  for (const [name, program] of Object.entries({ 'test-results-parser': resultsParser, 'xunit-viewer': viewer })) {
    try {
      read[file][name] = await program(file)
    } catch (error) {
      read[file][name] = { error: String(error) }
    }
  }
}
written(JSON.stringify(read))
